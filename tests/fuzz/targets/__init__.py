"""One file a target: `target`, `piece` and `TOKENS`, from which inputs are made and changed."""
