"""What is sent of the event log: webhooks."""
