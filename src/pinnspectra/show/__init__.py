"""What people see of runs: tables, figures, the report, the dashboard."""
