"""Plates that are watched for, the alerts they raise, and who is told."""
