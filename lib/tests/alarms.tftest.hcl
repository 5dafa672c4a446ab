# Every alarm with the metric, the dimensions and the threshold it stands on.
#
# The real AWS provider plans without an account: it needs none for what does not exist yet, and what it would have to ask
# is given here.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_availability_zones.available
  values = { names = ["us-east-1a", "us-east-1b"] }
}

override_data {
  target = data.aws_servicequotas_service_quota.lambda_concurrency
  values = { value = 1000 }
}

variables {
  environment   = "dev"
  alert_email   = "operator@example.com"
  functions_dir = "tests/fixtures/functions"
}

override_resource {
  target          = aws_sns_topic.alerts
  override_during = plan
  values = {
    arn = "arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"
  }
}

run "all_alarms" {
  command = plan

  # name = "namespace metric statistic > threshold dimensions"
  assert {
    condition = {
      for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_name =>
      "${alarm.namespace} ${alarm.metric_name} ${alarm.statistic} > ${alarm.threshold} ${join(",", [for name, value in alarm.dimensions : "${name}=${value}"])}"
      } == {
      alarm-ingestion-errors-dev                    = "AWS/Lambda Errors Sum > 0 FunctionName=lambda-ingestion-dev"
      alarm-ingestion-throttles-dev                 = "AWS/Lambda Throttles Sum > 0 FunctionName=lambda-ingestion-dev"
      alarm-ingestion-dead-letter-errors-dev        = "AWS/Lambda DeadLetterErrors Sum > 0 FunctionName=lambda-ingestion-dev"
      alarm-ingestion-async-age-dev                 = "AWS/Lambda AsyncEventAge Maximum > 60000 FunctionName=lambda-ingestion-dev"
      alarm-ingestion-dlq-depth-dev                 = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum > 0 QueueName=sqs-ingestion-dlq-dev"
      alarm-ingestion-target-failures-dev           = "AWS/Events FailedInvocations Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-ingestion-dev"
      alarm-ingestion-target-dlq-dev                = "AWS/Events InvocationsSentToDlq Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-ingestion-dev"
      alarm-ingestion-target-dlq-errors-dev         = "AWS/Events InvocationsFailedToBeSentToDlq Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-ingestion-dev"
      alarm-processing-errors-dev                   = "AWS/Lambda Errors Sum > 0 FunctionName=lambda-processing-dev"
      alarm-processing-throttles-dev                = "AWS/Lambda Throttles Sum > 0 FunctionName=lambda-processing-dev"
      alarm-processing-dead-letter-errors-dev       = "AWS/Lambda DeadLetterErrors Sum > 0 FunctionName=lambda-processing-dev"
      alarm-processing-async-age-dev                = "AWS/Lambda AsyncEventAge Maximum > 60000 FunctionName=lambda-processing-dev"
      alarm-processing-dlq-depth-dev                = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum > 0 QueueName=sqs-processing-dlq-dev"
      alarm-processing-target-failures-dev          = "AWS/Events FailedInvocations Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-processing-dev"
      alarm-processing-target-dlq-dev               = "AWS/Events InvocationsSentToDlq Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-processing-dev"
      alarm-processing-target-dlq-errors-dev        = "AWS/Events InvocationsFailedToBeSentToDlq Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-processing-dev"
      alarm-processing-rules-invalid-dev            = "MarketData RulesInvalid Sum > 0 Stage=processing"
      alarm-notification-errors-dev                 = "AWS/Lambda Errors Sum > 0 FunctionName=lambda-notification-dev"
      alarm-notification-throttles-dev              = "AWS/Lambda Throttles Sum > 0 FunctionName=lambda-notification-dev"
      alarm-notification-dead-letter-errors-dev     = "AWS/Lambda DeadLetterErrors Sum > 0 FunctionName=lambda-notification-dev"
      alarm-notification-async-age-dev              = "AWS/Lambda AsyncEventAge Maximum > 60000 FunctionName=lambda-notification-dev"
      alarm-notification-dlq-depth-dev              = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum > 0 QueueName=sqs-notification-dlq-dev"
      alarm-notification-target-failures-dev        = "AWS/Events FailedInvocations Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-notification-dev"
      alarm-notification-target-dlq-dev             = "AWS/Events InvocationsSentToDlq Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-notification-dev"
      alarm-notification-target-dlq-errors-dev      = "AWS/Events InvocationsFailedToBeSentToDlq Sum > 0 EventBusName=eventbridge-market-data-dev,RuleName=rule-notification-dev"
      alarm-notification-rules-invalid-dev          = "MarketData RulesInvalid Sum > 0 Stage=notification"
      alarm-events-read-capacity-dev                = "AWS/DynamoDB ConsumedReadCapacityUnits Sum > 48000 TableName=dynamodb-events-dev"
      alarm-events-write-capacity-dev               = "AWS/DynamoDB ConsumedWriteCapacityUnits Sum > 48000 TableName=dynamodb-events-dev"
      alarm-events-write-throttles-dev              = "AWS/DynamoDB WriteThrottleEvents Sum > 0 TableName=dynamodb-events-dev"
      alarm-events-type-index-read-capacity-dev     = "AWS/DynamoDB ConsumedReadCapacityUnits Sum > 48000 GlobalSecondaryIndexName=event-type-timestamp-index,TableName=dynamodb-events-dev"
      alarm-events-type-index-write-capacity-dev    = "AWS/DynamoDB ConsumedWriteCapacityUnits Sum > 48000 GlobalSecondaryIndexName=event-type-timestamp-index,TableName=dynamodb-events-dev"
      alarm-events-type-index-write-throttles-dev   = "AWS/DynamoDB WriteThrottleEvents Sum > 0 GlobalSecondaryIndexName=event-type-timestamp-index,TableName=dynamodb-events-dev"
      alarm-events-symbol-index-read-capacity-dev   = "AWS/DynamoDB ConsumedReadCapacityUnits Sum > 48000 GlobalSecondaryIndexName=symbol-timestamp-index,TableName=dynamodb-events-dev"
      alarm-events-symbol-index-write-capacity-dev  = "AWS/DynamoDB ConsumedWriteCapacityUnits Sum > 48000 GlobalSecondaryIndexName=symbol-timestamp-index,TableName=dynamodb-events-dev"
      alarm-events-symbol-index-write-throttles-dev = "AWS/DynamoDB WriteThrottleEvents Sum > 0 GlobalSecondaryIndexName=symbol-timestamp-index,TableName=dynamodb-events-dev"
      alarm-audit-read-capacity-dev                 = "AWS/DynamoDB ConsumedReadCapacityUnits Sum > 48000 TableName=dynamodb-audit-dev"
      alarm-audit-write-capacity-dev                = "AWS/DynamoDB ConsumedWriteCapacityUnits Sum > 48000 TableName=dynamodb-audit-dev"
      alarm-audit-write-throttles-dev               = "AWS/DynamoDB WriteThrottleEvents Sum > 0 TableName=dynamodb-audit-dev"
    }
    error_message = "The alarms are ${jsonencode({ for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_name => alarm.dimensions })}."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.alarm :
      alarm.period == 60
      && alarm.evaluation_periods == 1
      && alarm.comparison_operator == "GreaterThanThreshold"
      && alarm.treat_missing_data == "notBreaching"
      && length(alarm.alarm_description) > 0
    ])
    error_message = "An alarm does not look at one period of 60 seconds."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.alarm :
      alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"])
      && alarm.ok_actions == toset(["arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"])
      && coalesce(alarm.actions_enabled, true)
    ])
    error_message = "An alarm does not announce both that it sounds and that it is over."
  }
}

run "thresholds_follow_their_variables" {
  command = plan

  variables {
    capacity_alarm_units_per_second = { read = 5, write = 7 }
    async_age_alarm_seconds         = 90
  }

  assert {
    condition = [
      for key in ["audit-read-capacity", "events-type-index-write-capacity", "processing-async-age"] : aws_cloudwatch_metric_alarm.alarm[key].threshold
    ] == [300, 420, 90000]
    error_message = "A threshold does not follow its variable."
  }
}
