"""Who may do what: tokens, the principals that they name, and roles."""
