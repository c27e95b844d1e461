"""What commands print: times, ids, lists, lines and facts of runs, on a terminal of any kind or in a pipe."""
