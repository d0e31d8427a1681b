"""Scores of received images and of predictions, their aggregates and their intervals."""
