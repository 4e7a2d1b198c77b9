"""Where results go: Postgres, evidence pictures, export."""
