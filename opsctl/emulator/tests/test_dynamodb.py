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


@pytest.fixture
def local_table(request, monkeypatch):
    """A table inside this process, with the fix for index queries in place unless it is left out."""
    from local_aws.fixes import index_query_speed as fix
    from ministack.services import dynamodb
    for name in ("_query", "_index_members", "_index_item", "_evaluate_condition"):
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    if "index_query_speed" not in request.config.getoption("--without-fix"):
        fix.install(None)
    names = ("id", "ts", "symbol")
    dynamodb._create_table({
        "TableName": "local", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "ts", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "GlobalSecondaryIndexes": [{"IndexName": "by-symbol", "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
            {"AttributeName": "symbol", "KeyType": "HASH"}, {"AttributeName": "ts", "KeyType": "RANGE"}]}]})
    yield dynamodb
    dynamodb.reset()


def ask(dynamodb, condition, **more):
    import json
    values = {":s": {"S": "A"}, ":t": {"S": "t030"}, ":u": {"S": "t040"}, ":p": {"S": "t03"}}
    used = {key: value for key, value in values.items() if key in condition}
    return json.loads(dynamodb._query({"TableName": "local", "IndexName": "by-symbol", "KeyConditionExpression": condition,
                                       "ExpressionAttributeValues": used, **more})[2])


def test_query_reads_only_as_far_as_its_limit(local_table, monkeypatch):
    for n in range(500):
        local_table._put_item({"TableName": "local", "Item": {"id": {"S": f"e{n}"}, "ts": {"S": f"t{n:03d}"}, "symbol": {"S": "A"}}})
    read = []
    page = local_table._paginate_evaluated_items
    monkeypatch.setattr(local_table, "_paginate_evaluated_items", lambda items, *a: read.extend(items) or page(items, *a))
    answer = ask(local_table, "symbol = :s AND ts < :u", Limit=5, ScanIndexForward=False)
    assert [item["ts"]["S"] for item in answer["Items"]] == ["t039", "t038", "t037", "t036", "t035"]
    assert len(read) == 5


def test_every_form_of_condition_and_paging_finds_what_a_full_read_finds(local_table):
    import random
    chance = random.Random(7)
    stored = {}
    for _ in range(600):
        key = (f"e{chance.randrange(120)}", f"t{chance.randrange(80):03d}")
        item = {"id": {"S": key[0]}, "ts": {"S": key[1]}, "symbol": {"S": chance.choice("AB")}}
        if chance.random() < 0.25:
            local_table._delete_item({"TableName": "local", "Key": {"id": item["id"], "ts": item["ts"]}})
            stored.pop(key, None)
        else:
            local_table._put_item({"TableName": "local", "Item": item})
            stored[key] = item["symbol"]["S"]
    mine = sorted((ts, event) for (event, ts), symbol in stored.items() if symbol == "A")
    conditions = {
        "symbol = :s": lambda ts: True, "symbol = :s AND ts < :t": lambda ts: ts < "t030",
        "symbol = :s AND ts <= :t": lambda ts: ts <= "t030", "symbol = :s AND ts > :t": lambda ts: ts > "t030",
        "symbol = :s AND ts >= :t": lambda ts: ts >= "t030", "ts = :t AND symbol = :s": lambda ts: ts == "t030",
        "symbol = :s AND ts BETWEEN :t AND :u": lambda ts: "t030" <= ts <= "t040",
        "symbol = :s AND begins_with(ts, :p)": lambda ts: ts.startswith("t03"),
        "symbol = :s AND :t < ts": lambda ts: ts > "t030",
    }
    for condition, holds in conditions.items():
        expected = [entry for entry in mine if holds(entry[0])]
        for forward in (True, False):
            found, start = [], {}
            while True:
                page = ask(local_table, condition, Limit=7, ScanIndexForward=forward, **start)
                found += [(item["ts"]["S"], item["id"]["S"]) for item in page["Items"]]
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            assert found == (expected if forward else expected[::-1]), condition
