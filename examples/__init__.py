"""Example projects: `overtide init DIR --example NAME` copies one."""
