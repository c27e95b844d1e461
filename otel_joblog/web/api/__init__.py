"""The JSON API: the reader's shapes as they are. Times are ISO 8601 in UTC, durations seconds."""
