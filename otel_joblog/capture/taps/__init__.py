"""Where lines come from: each tap turns what it hears into a line of whatever run or step is innermost."""
