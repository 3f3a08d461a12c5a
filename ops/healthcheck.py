"""Exit with 0 when a web server on this machine answers /healthz: `python ops/healthcheck.py PORT`.

Needs 127.0.0.1 among ALLOWED_HOSTS. http.client, because it knows no proxy.
"""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=4)
try:
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
except OSError as error:
    sys.exit(f"no answer: {error}")
sys.exit(0 if status == 200 else f"status {status}")
