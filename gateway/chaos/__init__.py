"""What callers hear while parts of Parley die, stand still or are cut off: `parley chaos`, for development only."""
