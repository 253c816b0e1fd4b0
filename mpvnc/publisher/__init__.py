"""publish(): an animator's side of the frame segment."""
