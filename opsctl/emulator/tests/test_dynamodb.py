"""What the pipeline relies on in DynamoDB. Nothing here is fixed but the metrics; it guards against an upstream change."""

import pytest

from tests.cloud import unique


@pytest.fixture(scope="module")
def table(cloud):
    name = unique("events")
    cloud.dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "event_id", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("event_id", "timestamp", "symbol")],
        GlobalSecondaryIndexes=[{
            "IndexName": "by-symbol", "KeySchema": [{"AttributeName": "symbol", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["price"]}}])
    return name


def put(cloud, table, event_id, timestamp="2021-01-08T00:00:00.278000Z", **more):
    item = {"event_id": {"S": event_id}, "timestamp": {"S": timestamp}, "symbol": {"S": "BTCUSDT"},
            "price": {"N": "40000.10"}, "payload": {"S": "x"}}
    return cloud.dynamodb.put_item(TableName=table, Item=item, **more)


def test_failed_condition_returns_the_old_item_and_is_consumed(cloud, table):
    event = unique("e")
    condition = {"ConditionExpression": "attribute_not_exists(event_id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    put(cloud, table, event, **condition)
    before = cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table)
    with pytest.raises(cloud.dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        put(cloud, table, event, **condition)
    assert caught.value.response["Item"]["payload"] == {"S": "x"}
    assert cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table) == before + 1


def test_conditional_update_returns_the_old_item(cloud, table):
    event = unique("e")
    put(cloud, table, event)
    key = {"event_id": {"S": event}, "timestamp": {"S": "2021-01-08T00:00:00.278000Z"}}
    with pytest.raises(cloud.dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        cloud.dynamodb.update_item(TableName=table, Key=key, UpdateExpression="SET price = :p",
                                   ConditionExpression="price = :q", ReturnValuesOnConditionCheckFailure="ALL_OLD",
                                   ExpressionAttributeValues={":p": {"N": "1"}, ":q": {"N": "2"}})
    assert float(caught.value.response["Item"]["price"]["N"]) == 40000.1


def test_index_has_only_what_it_projects_in_order_of_time(cloud, table):
    for minute in (3, 1, 2):
        put(cloud, table, unique("e"), f"2022-01-08T00:0{minute}:00.000000Z")
    items = cloud.dynamodb.query(
        TableName=table, IndexName="by-symbol", KeyConditionExpression="symbol = :s AND #t < :t", ScanIndexForward=False,
        ExpressionAttributeNames={"#t": "timestamp"}, Limit=2,
        ExpressionAttributeValues={":s": {"S": "BTCUSDT"}, ":t": {"S": "2022-01-08T00:03:00.000000Z"}})["Items"]
    assert [item["timestamp"]["S"][15] for item in items] == ["2", "1"]
    assert set(items[0]) == {"event_id", "timestamp", "symbol", "price"}
    assert cloud.metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", TableName=table, GlobalSecondaryIndexName="by-symbol") == 0.5


def test_numbers_are_exact_to_38_digits(cloud, table):
    number = "12345678901234567890123456789012345.678"
    event = unique("e")
    key = {"event_id": {"S": event}, "timestamp": {"S": "t"}}
    cloud.dynamodb.put_item(TableName=table, Item={**key, "n": {"N": number}, "small": {"N": "0.00000001"}})
    item = cloud.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    assert item["n"]["N"] == number and float(item["small"]["N"]) == 1e-8


def test_capacity_is_counted_by_table_and_by_index(cloud, table):
    before = [cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table, **index) or 0
              for index in ({}, {"GlobalSecondaryIndexName": "by-symbol"})]
    put(cloud, table, unique("e"))
    after = [cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table, **index)
             for index in ({}, {"GlobalSecondaryIndexName": "by-symbol"})]
    assert after == [before[0] + 1, before[1] + 1]
