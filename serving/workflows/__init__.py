"""Jobs of the one workflow there is, the refresh, and the schedules that submit them."""
