"""What a comparison shows: tables, figures, a gallery of received images and the report page."""
