"""Stand-ins for the AWS services that the template uses."""
