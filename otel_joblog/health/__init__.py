"""When jobs are due, and whether they came. Never imported by a job."""
