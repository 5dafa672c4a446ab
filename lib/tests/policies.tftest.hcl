# Least privilege, as the decoded policies have it: the whole list of what each role may do on what.
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
  target          = aws_dynamodb_table.events
  override_during = plan
  values = {
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev"
  }
}

override_resource {
  target          = aws_dynamodb_table.audit
  override_during = plan
  values = {
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_bus.market_data
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:event-bus/eventbridge-market-data-dev"
  }
}

override_resource {
  target          = aws_sns_topic.alerts
  override_during = plan
  values = {
    arn = "arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"
  }
}

override_resource {
  target          = aws_ssm_parameter.alert_rules
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alert-rules"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["events-table"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/events-table"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["audit-table"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/audit-table"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["event-bus-name"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/event-bus-name"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["alerts-topic-arn"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alerts-topic-arn"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["ingestion/config"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/ingestion/config"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["ingestion/dlq-url"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/ingestion/dlq-url"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["processing/config"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/processing/config"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["processing/dlq-url"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/processing/dlq-url"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["notification/config"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/config"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["notification/dlq-url"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/dlq-url"
  }
}

override_resource {
  target          = aws_sqs_queue.dlq["ingestion"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-ingestion-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-ingestion-dlq-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_rule.stage["ingestion"]
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-ingestion-dev"
  }
}

override_resource {
  target          = aws_sqs_queue.dlq["processing"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-processing-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-processing-dlq-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_rule.stage["processing"]
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-processing-dev"
  }
}

override_resource {
  target          = aws_sqs_queue.dlq["notification"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-notification-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-notification-dlq-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_rule.stage["notification"]
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-notification-dev"
  }
}

run "ingestion_may_do_this_and_nothing_else" {
  command = plan

  assert {
    condition = sort(distinct(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["ingestion"].policy).Statement : [
        for pair in setproduct(flatten([statement.Action]), flatten([statement.Resource])) : "${statement.Effect} ${pair[0]} ${pair[1]}"
      ]
      ]))) == sort([
      "Allow dynamodb:PutItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev",
      "Allow dynamodb:PutItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev",
      "Allow events:PutEvents arn:aws:events:us-east-1:123456789012:event-bus/eventbridge-market-data-dev",
      "Allow sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:sqs-ingestion-dlq-dev",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/audit-table",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/event-bus-name",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/events-table",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/ingestion/config",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/ingestion/dlq-url",
      "Allow xray:PutTelemetryRecords *",
      "Allow xray:PutTraceSegments *",
    ])
    error_message = "The role of ingestion may do: ${aws_iam_role_policy.function["ingestion"].policy}"
  }
}

run "processing_may_do_this_and_nothing_else" {
  command = plan

  assert {
    condition = sort(distinct(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["processing"].policy).Statement : [
        for pair in setproduct(flatten([statement.Action]), flatten([statement.Resource])) : "${statement.Effect} ${pair[0]} ${pair[1]}"
      ]
      ]))) == sort([
      "Allow dynamodb:GetItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev",
      "Allow dynamodb:PutItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev",
      "Allow dynamodb:Query arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev/index/symbol-timestamp-index",
      "Allow dynamodb:UpdateItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev",
      "Allow events:PutEvents arn:aws:events:us-east-1:123456789012:event-bus/eventbridge-market-data-dev",
      "Allow sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:sqs-processing-dlq-dev",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alert-rules",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/audit-table",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/event-bus-name",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/events-table",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/processing/config",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/processing/dlq-url",
      "Allow xray:PutTelemetryRecords *",
      "Allow xray:PutTraceSegments *",
    ])
    error_message = "The role of processing may do: ${aws_iam_role_policy.function["processing"].policy}"
  }
}

run "notification_may_do_this_and_nothing_else" {
  command = plan

  assert {
    condition = sort(distinct(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["notification"].policy).Statement : [
        for pair in setproduct(flatten([statement.Action]), flatten([statement.Resource])) : "${statement.Effect} ${pair[0]} ${pair[1]}"
      ]
      ]))) == sort([
      "Allow dynamodb:PutItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev",
      "Allow sns:Publish arn:aws:sns:us-east-1:123456789012:sns-alerts-dev",
      "Allow sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:sqs-notification-dlq-dev",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alert-rules",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alerts-topic-arn",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/audit-table",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/config",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/dlq-url",
      "Allow xray:PutTelemetryRecords *",
      "Allow xray:PutTraceSegments *",
    ])
    error_message = "The role of notification may do: ${aws_iam_role_policy.function["notification"].policy}"
  }
}

run "notification_may_use_the_topics_key_when_there_is_one" {
  command = plan

  variables {
    alerts_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c"
  }

  assert {
    condition = sort(distinct(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["notification"].policy).Statement : [
        for pair in setproduct(flatten([statement.Action]), flatten([statement.Resource])) : "${statement.Effect} ${pair[0]} ${pair[1]}"
      ]
      ]))) == sort([
      "Allow dynamodb:PutItem arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev",
      "Allow kms:Decrypt arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c",
      "Allow kms:GenerateDataKey arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c",
      "Allow sns:Publish arn:aws:sns:us-east-1:123456789012:sns-alerts-dev",
      "Allow sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:sqs-notification-dlq-dev",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alert-rules",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alerts-topic-arn",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/audit-table",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/config",
      "Allow ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/dlq-url",
      "Allow xray:PutTelemetryRecords *",
      "Allow xray:PutTraceSegments *",
    ])
    error_message = "The role of notification may do: ${aws_iam_role_policy.function["notification"].policy}"
  }

  assert {
    condition     = alltrue([for stage in ["ingestion", "processing"] : !strcontains(aws_iam_role_policy.function[stage].policy, "kms:")])
    error_message = "Only notification publishes with the key."
  }

  assert {
    condition     = aws_sns_topic.alerts.kms_master_key_id == var.alerts_kms_key_arn
    error_message = "The topic does not use the key."
  }
}

run "no_wildcards" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for stage, role_policy in aws_iam_role_policy.function : [
        for statement in jsondecode(role_policy.policy).Statement :
        alltrue([for action in flatten([statement.Action]) : !strcontains(action, "*")])
        && (alltrue([for resource in flatten([statement.Resource]) : !strcontains(resource, "*")]) || statement.Sid == "WriteTraces")
      ]
    ]))
    error_message = "A wildcard in a role's policy, other than X-Ray's resource."
  }
}

run "roles" {
  command = plan

  assert {
    condition = alltrue([
      for role in aws_iam_role.function : jsondecode(role.assume_role_policy).Statement == [{
        Sid       = "LambdaAssumesRole"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "lambda.amazonaws.com" }
      }]
    ])
    error_message = "Somebody else than Lambda may assume a role."
  }

  assert {
    condition = alltrue([
      for attachment in aws_iam_role_policy_attachment.logs :
      attachment.policy_arn == "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    ]) && length(aws_iam_role_policy_attachment.logs) == 3
    error_message = "Each role has AWSLambdaBasicExecutionRole, and no other managed policy."
  }
}

run "queues_admit_their_own_rule_alone" {
  command = plan

  assert {
    condition = alltrue([
      for stage, queue in aws_sqs_queue.dlq : jsondecode(queue.policy).Statement == [{
        Sid       = "RuleSendsWhatItCannotDeliver"
        Effect    = "Allow"
        Action    = "sqs:SendMessage"
        Resource  = queue.arn
        Principal = { Service = "events.amazonaws.com" }
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.stage[stage].arn } }
      }]
    ])
    error_message = "A queue's policy is ${jsonencode([for queue in aws_sqs_queue.dlq : queue.policy])}."
  }
}

run "topic_admits_this_stacks_alarms_alone" {
  command = plan

  assert {
    condition = jsondecode(aws_sns_topic_policy.alerts.policy).Statement == [{
      Sid       = "AlarmsOfThisStackPublish"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alerts.arn
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:alarm-*-dev" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }]
    error_message = "The topic's policy is ${aws_sns_topic_policy.alerts.policy}."
  }

  # The pattern above has to cover every alarm there is.
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarm : can(regex("^alarm-.*-dev$", alarm.alarm_name))])
    error_message = "An alarm's name is not covered by the topic's policy: it could not publish."
  }
}

run "functions_admit_their_own_rule_alone" {
  command = plan

  assert {
    condition = alltrue([
      for stage, permission in aws_lambda_permission.rule :
      permission.source_arn == aws_cloudwatch_event_rule.stage[stage].arn
      && permission.principal == "events.amazonaws.com"
      && permission.action == "lambda:InvokeFunction"
      && permission.function_name == "lambda-${stage}-dev"
    ]) && length(aws_lambda_permission.rule) == 3
    error_message = "A function may be invoked by another rule than its own, or not by its own."
  }
}
