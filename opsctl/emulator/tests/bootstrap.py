#!/usr/bin/env python3
"""A custom runtime for the tests: speaks the Runtime API, runs ``handle`` of code.py beside it."""
import http.client
import json
import os
import sys
import traceback

sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
scope = {}
exec(open(os.path.join(os.environ["LAMBDA_TASK_ROOT"], "code.py")).read(), scope)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
base = "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", base + "next")
    answer = api.getresponse()
    context, raw = dict(answer.getheaders()), answer.read().decode()
    context["raw"] = raw
    request_id = context["Lambda-Runtime-Aws-Request-Id"]
    try:
        kind, result = "response", scope["handle"](json.loads(raw), context)
    except Exception as error:
        traceback.print_exc()
        kind, result = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
    sys.stdout.flush()
    api.request("POST", f"{base}{request_id}/{kind}", json.dumps(result))
    api.getresponse().read()
