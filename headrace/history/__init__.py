"""What each version did, in steps of seconds, minutes and hours: kept in a small database, for pages that look back."""
