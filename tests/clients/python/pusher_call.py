"""Makes calls of the official Python SDK and prints what each returned, one JSON line each.

The argument is {"port", "app_id", "key", "secret", "master_key", "calls": [[name, args, kwargs]]}.
An exception is printed as {"raised": its class, "text": its message}.
"""

import json
import sys

import pusher


def main(wanted):
    client = pusher.Pusher(
        app_id=wanted["app_id"],
        key=wanted["key"],
        secret=wanted["secret"],
        host="127.0.0.1",
        port=wanted["port"],
        ssl=False,
        encryption_master_key_base64=wanted["master_key"],
    )
    for name, args, kwargs in wanted["calls"]:
        try:
            returned = getattr(client, name)(*args, **kwargs)
            # The shared secret of an encrypted channel comes as bytes of base64.
            print(json.dumps({"returned": returned}, default=bytes.decode))
        except Exception as raised:
            print(json.dumps({"raised": type(raised).__name__, "text": str(raised)}))


main(json.loads(sys.argv[1]))
