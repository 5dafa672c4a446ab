# The local emulator's stack; `opsctl local up` passes the same values. AWS_ENDPOINT_URL points the provider at it.
environment = "local"
cost_center = "none"

# Never mailed: the emulator only keeps the message.
alert_email = "operator@example.com"

# An emulator's error stays an error, so say so within seconds.
aws_max_retries = 3
