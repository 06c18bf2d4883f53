"""Error codes: what each means and what to do about it, by area."""
