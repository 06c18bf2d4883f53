"""The front door: `import overtide` and the `overtide` command."""
