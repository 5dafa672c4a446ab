"""CloudWatch's three wire formats, read and written by the service's own model.

Current SDKs speak CBOR, older ones (the Terraform provider 5.x) the query protocol; JSON is the third. The model that
botocore ships says what every member is called and which of them are timestamps, so nothing is left out by hand.
"""

import json
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import cbor2
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from ministack.services import cloudwatch

_MODEL = ServiceModel(Loader().load_service_model("cloudwatch", "service-2"), "cloudwatch")
_NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"


class ServiceError(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def operations() -> set[str]:
    return set(_MODEL.operation_names)


def read(operation: str, wire: str, body: bytes, query: dict) -> dict:
    """The request's parameters as a dictionary, whatever they came in."""
    if wire == "cbor":
        return (cbor2.loads(body) if body else None) or {}
    if wire == "json":
        return json.loads(body or b"{}") or {}
    flat = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
    tree: dict = {}
    for name, values in flat.items():
        node = tree
        *parents, last = name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = values[0] if isinstance(values, list) else values
    return _from_query(_MODEL.operation_model(operation).input_shape, tree)


def _from_query(shape: Shape | None, node: object) -> object:
    if isinstance(shape, StructureShape):
        return {name: _from_query(member, node[name]) for name, member in shape.members.items() if name in node}
    if isinstance(shape, ListShape):
        items = node.get("member", {}) if isinstance(node, dict) else {}
        return [_from_query(shape.member, items[key]) for key in sorted(items, key=int)]
    if isinstance(shape, MapShape):
        entries = node.get("entry", {}) if isinstance(node, dict) else {}
        return {entries[key]["key"]: _from_query(shape.value, entries[key]["value"]) for key in sorted(entries, key=int)}
    kind = shape.type_name if shape is not None else "string"
    if kind in ("integer", "long"):
        return int(node)
    if kind in ("float", "double"):
        return float(node)
    return node == "true" if kind == "boolean" else node


def write(operation: str, wire: str, answer: dict) -> tuple[int, dict, bytes]:
    """A successful response."""
    shape = _MODEL.operation_model(operation).output_shape
    if wire == "query":
        inner = _to_xml(shape, answer) if shape is not None else ""
        result = f"<{operation}Result>{inner}</{operation}Result>" if shape is not None else ""
        return cloudwatch._xml(200, f"{operation}Response", result)
    tree = _to_tree(shape, answer, wire) if shape is not None else {}
    if wire == "cbor":
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return 200, headers, cbor2.dumps(tree)
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(tree).encode()


def write_error(error: ServiceError, wire: str) -> tuple[int, dict, bytes]:
    return cloudwatch._error(error.code, str(error), error.status, use_json=wire == "json", use_cbor=wire == "cbor")


def _to_tree(shape: Shape, value: object, wire: str) -> object:
    if isinstance(shape, StructureShape):
        return {name: _to_tree(member, value[name], wire) for name, member in shape.members.items()
                if value.get(name) is not None}
    if isinstance(shape, ListShape):
        return [_to_tree(shape.member, item, wire) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_tree(shape.value, item, wire) for key, item in value.items()}
    if shape.type_name == "timestamp":
        epoch = float(cloudwatch._parse_ts(value))
        return cbor2.CBORTag(1, epoch) if wire == "cbor" else epoch
    return float(value) if shape.type_name in ("float", "double") else value


def _to_xml(shape: Shape, value: object) -> str:
    if isinstance(shape, StructureShape):
        return "".join(f"<{name}>{_to_xml(member, value[name])}</{name}>" for name, member in shape.members.items()
                       if value.get(name) is not None)
    if isinstance(shape, ListShape):
        return "".join(f"<member>{_to_xml(shape.member, item)}</member>" for item in value)
    if isinstance(shape, MapShape):
        return "".join(f"<entry><key>{escape(key)}</key><value>{_to_xml(shape.value, item)}</value></entry>"
                       for key, item in value.items())
    if shape.type_name == "timestamp":
        return cloudwatch._ts_iso(cloudwatch._parse_ts(value))
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return escape(str(value))
