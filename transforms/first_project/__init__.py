"""A first project from files: what they hold is looked at, and an `overtide.yaml` is proposed.

`samples` reads, `columns` finds types, `meanings` what they mean, `keys` what identifies and what
refers, `roles` who customers and activities are, `writing` puts it in words.
"""
