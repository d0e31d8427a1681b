"""Channels: what happens to symbols between send and receive. ``base`` states the SNR convention."""
