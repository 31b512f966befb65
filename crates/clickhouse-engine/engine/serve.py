"""ClickHouse's HTTP interface in front of the engine embedded in chdb-core, with users, quotas and row policies.

    python serve.py FOLDER

Listens on a free port of loopback and prints `serving PORT`. For tests alone: see access.py for what it takes to
have users at all.

Real here: SQL, storage, users and their passwords, grants, row policies, quotas, settings profiles; all of it is the
engine's. Ours: HTTP. A request is authenticated against the hash the engine stored and then runs in a session of the
engine under `EXECUTE AS` its user. Not covered: the native protocol, compression, ON CLUSTER, requests side by side
(one lock), the setting `readonly` of a profile, data that outlives the process.
"""

import base64
import email
import hashlib
import http.server
import importlib.metadata
import os
import re
import sys
import tempfile
import threading
import urllib.parse

VERSION = "26.3.0"
if (found := importlib.metadata.version("chdb-core")) != VERSION:
    raise SystemExit(f"chdb-core is {found}, this file is written for {VERSION}: run `cargo xtask setup`")

import chdb  # noqa: E402
from chdb import session  # noqa: E402

import access  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.abspath(sys.argv[1])
CONNECTION = f"{FOLDER}?config-file={HERE}/config.xml"
LOCK = threading.Lock()

ADMIN = session.Session(CONNECTION)


def error_of(sql):
    try:
        ADMIN.query(sql)
        return ""
    except Exception as error:  # the engine has one kind of exception
        return str(error)


LIBRARY = os.path.realpath(os.path.join(os.path.dirname(chdb.__file__), "_chdb.abi3.so"))
access.set_stock_flags(*access.enable(LIBRARY), error_of)
ADMIN.query("SET format_display_secrets_in_show_and_select = 1")

# URL parameters that are no settings.
RESERVED = {
    "query", "database", "default_format", "user", "password", "compress", "decompress", "query_id", "session_id",
    "quota_key", "wait_end_of_query", "enable_http_compression", "role",
}
STATUS = {
    # code of the engine -> HTTP status, as the server has it
    62: 400, 47: 404, 60: 404, 81: 404, 516: 403, 497: 403,
}


class Refused(Exception):
    pass


def authenticate(user, password):
    if user == "default" and password == "":
        return
    try:
        created = str(ADMIN.query(f"SHOW CREATE USER `{user.replace('`', '')}`", "TSVRaw"))
        match = re.search(r"sha256_hash BY '([0-9A-F]+)'(?: SALT '([0-9A-F]*)')?", created)
        if match and hashlib.sha256((password + (match[2] or "")).encode()).hexdigest().upper() == match[1]:
            return
    except Exception:
        pass
    raise Refused(
        f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)"
    )


def log_in(own, user):
    """Makes the session the user's. `EXECUTE AS` brings rights, policies, quota and constraints; the values of the
    user's settings profiles, which a login applies as well, are set before it."""
    sql = f"""SELECT setting_name, value FROM system.settings_profile_elements WHERE setting_name IS NOT NULL AND value IS NOT NULL
        AND profile_name IN (SELECT name FROM system.settings_profiles WHERE has(apply_to_list, '{user}'))"""
    settings = [line.split("\t") for line in str(ADMIN.query(sql, "TSVRaw")).splitlines()]
    for name, value in settings:
        # a read-only session could not become another user's; the constraints of its settings hold all the same
        if name != "readonly":
            own.query(f"SET {name} = {quoted(value)}")
    own.query(f"EXECUTE AS `{user}`")


def quoted(value):
    return "'%s'" % value.replace("\\", "\\\\").replace("'", "\\'")


def run(user, password, parameters, sql, body):
    """One request; gives the bytes of the answer."""
    with LOCK:
        authenticate(user, password)
        own = session.Session(CONNECTION)
        try:
            if user != "default":
                log_in(own, user)
            if database := parameters.get("database"):
                own.query(f"USE `{database}`")
            for name, value in parameters.items():
                if name not in RESERVED and not name.startswith("param_"):
                    own.query(f"SET {name} = {quoted(value)}")
            insert = re.match(r"\s*INSERT\s+INTO\s.*?FORMAT\s+(\w+)\s*$", sql, re.IGNORECASE | re.DOTALL)
            if insert and body:
                # the library takes no data beside a statement
                with tempfile.NamedTemporaryFile(dir=FOLDER) as data:
                    data.write(body)
                    data.flush()
                    head = sql[: sql.lower().rindex("format")]
                    own.query(f"{head} FROM INFILE '{data.name}' COMPRESSION 'none' FORMAT {insert[1]}")
                return b""
            text = sql + ("\n" if sql and body else "") + body.decode()
            values = {n[len("param_") :]: v for n, v in parameters.items() if n.startswith("param_")}
            form = parameters.get("default_format") or "TabSeparated"
            return own.query(text, form, params=values or None).bytes() or b""
        finally:
            own.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def body(self):
        if "chunked" in (self.headers.get("transfer-encoding") or ""):
            data = b""
            while length := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status, data, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def serve(self):
        body = self.body()
        url = urllib.parse.urlsplit(self.path)
        parameters = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/ping":
            return self.answer(200, b"Ok.\n", {})
        kind = self.headers.get("content-type") or ""
        if kind.startswith("multipart/form-data"):
            form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            body = b""
            for part in form.get_payload():
                name = part.get_param("name", header="content-disposition")
                parameters[name] = part.get_payload(decode=True).decode()
        user = self.headers.get("x-clickhouse-user") or parameters.get("user") or "default"
        password = self.headers.get("x-clickhouse-key") or parameters.get("password") or ""
        basic = self.headers.get("authorization") or ""
        if basic.startswith("Basic "):
            user, _, password = base64.b64decode(basic[len("Basic ") :]).decode().partition(":")
        try:
            data = run(user, password, parameters, parameters.get("query", ""), body)
            self.answer(200, data, {"X-ClickHouse-Format": parameters.get("default_format", "TabSeparated"), "X-ClickHouse-Summary": "{}"})
        except Exception as error:
            text = str(error)
            code = int((re.search(r"Code: (\d+)", text) or [0, 0])[1])
            self.answer(STATUS.get(code, 500), f"{text} (version {VERSION})\n".encode(), {"X-ClickHouse-Exception-Code": str(code)})

    do_GET = do_POST = serve

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
print(f"serving {server.server_address[1]}", flush=True)
server.serve_forever()
