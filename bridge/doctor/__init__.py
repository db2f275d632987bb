"""`popbridge doctor`: facts are gathered at the edges, and judged by pure functions of a table."""
