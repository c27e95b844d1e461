"""What is told of a run or step: which run it is, how it ended, what it used, values in short."""
