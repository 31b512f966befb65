"""Writes messages.json and rows.json with protobuf's own Python implementation, over the same .proto files.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install protobuf grpcio-tools
    /tmp/oracle/bin/python crates/messages/tests/golden/generate.py

messages.json: every message, empty and filled, once per member of each oneof: binary and JSON form.
rows.json:     every row of the codec's rules, as inputs with the verdict and, when accepted, the canonical JSON.
               Where Python is known to differ from the Go implementation that callers use, the row says so in
               `differs` and carries Go's verdict; the script fails when such a row no longer differs.

The Rust tests read the two files; they never run this script.
"""

import base64
import json
import pathlib
import sys
import tempfile

import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[3] / "proto"
PACKAGES = ["conformance", "ctrl/v1", "hydra/v1", "vault/v1"]


def load():
    """The message classes by full name."""
    files = sorted(str(p.relative_to(PROTO)) for d in PACKAGES for p in (PROTO / d).glob("*.proto"))
    include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.NamedTemporaryFile() as out:
        args = ["protoc", f"-I{PROTO}", f"-I{include}", "--include_imports", f"--descriptor_set_out={out.name}", *files]
        if protoc.main(args) != 0:
            sys.exit("protoc failed")
        fds = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in fds.file:
        pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    messages = {}
    for name in files:
        for message in pool.FindFileByName(name).message_types_by_name.values():
            messages[message.full_name] = message_factory.GetMessageClass(message)
    return messages


def scalar(field, n):
    """A value that is not the default and differs by n."""
    if field.type == F.TYPE_ENUM:
        values = field.enum_type.values
        return values[min(1 + n, len(values) - 1)].number or 1
    return {
        F.TYPE_BOOL: True,
        F.TYPE_INT32: -7 - n,
        F.TYPE_INT64: -9007199254740993 - n,
        F.TYPE_UINT32: 4294967295 - n,
        F.TYPE_UINT64: 18446744073709551615 - n,
        F.TYPE_FLOAT: 1.5 + n,
        F.TYPE_DOUBLE: 0.1 + n,
        F.TYPE_STRING: f"{field.name} \"{n}\" ü\u2028\U0001f600\n",
        F.TYPE_BYTES: bytes([0, 255, 254, n]),
    }[field.type]


def fill(message, chosen, depth=0):
    """Sets every field; of a oneof the member that is chosen, else its first."""
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            if field.name != chosen.get(oneof.name, oneof.fields[0].name):
                continue
        if field.type == F.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
            target = getattr(message, field.name)
            for n in range(1 if key.type == F.TYPE_BOOL else 2):
                if value.type == F.TYPE_MESSAGE:
                    fill(target[scalar(key, n)], chosen, depth + 1)
                else:
                    target[scalar(key, n)] = scalar(value, n)
        elif field.type == F.TYPE_MESSAGE:
            target = getattr(message, field.name)
            if depth > 1:
                continue
            if field.is_repeated:
                fill(target.add(), chosen, depth + 1)
                target.add()
            else:
                target.SetInParent()
                fill(target, chosen, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend([scalar(field, 0), scalar(field, 1)])
        else:
            setattr(message, field.name, scalar(field, 0))
    return message


def instances(cls):
    yield "empty", cls()
    if not cls.DESCRIPTOR.fields:
        return
    yield "filled", fill(cls(), {})
    for oneof in cls.DESCRIPTOR.oneofs:
        for member in oneof.fields if len(oneof.fields) > 1 else []:
            yield f"filled, {oneof.name} = {member.name}", fill(cls(), {oneof.name: member.name})


def golden_messages(messages):
    for name, cls in sorted(messages.items()):
        for case, message in instances(cls):
            yield {
                "message": name,
                "case": case,
                "binary": base64.b64encode(message.SerializeToString(deterministic=True)).decode(),
                "json": json_format.MessageToDict(message),
            }


SAMPLE = "conformance.Sample"

# (rule, message, input text, what Go does where Python differs and why)
ENCODING = [
    ("field names", SAMPLE, '{"k8s_name":"a","is_fork_pr":true}'),
    ("field names", "hydra.v1.DeployRequest", '{"deployment_id":"d_1"}'),
    ("implicit-presence scalars omitted at zero", SAMPLE, '{"flag":false,"small":0,"large":"0","smallUnsigned":0,"largeUnsigned":"0","text":"","raw":"","colour":"COLOUR_UNSPECIFIED","real":0,"single":0}'),
    ("optional scalars emitted when set", SAMPLE, '{"maybeText":"","maybeLarge":"0","maybeFlag":false,"maybeColour":"COLOUR_UNSPECIFIED"}'),
    ("optional scalars emitted when set", "hydra.v1.DeployRequest", '{"keyAuthId":""}'),
    ("optional scalars emitted when set", "hydra.v1.ConfigureUserRequest", '{"quotaDurationSeconds":0,"maxQueryMemoryBytes":0}'),
    ("message field set but empty", SAMPLE, '{"inner":{}}'),
    ("message field unset", SAMPLE, '{}'),
    ("repeated and map omitted when empty", SAMPLE, '{"texts":[],"names":{},"inners":[],"innerByName":{}}'),
    ("oneof under the member's name, default value kept", SAMPLE, '{"second":""}'),
    ("oneof under the member's name, default value kept", SAMPLE, '{"third":"0"}'),
    ("oneof under the member's name, default value kept", SAMPLE, '{"first":{}}'),
    ("oneof under the member's name, default value kept", "hydra.v1.DeployRequest", '{"dockerImage":{}}'),
    ("32-bit integers and bool are JSON literals", SAMPLE, '{"small":-5,"smallUnsigned":5,"flag":true}'),
    ("64-bit integers are strings", SAMPLE, '{"large":9007199254740993,"largeUnsigned":18446744073709551615,"larges":[1,-1]}'),
    ("64-bit integers are strings", "hydra.v1.NextVersionResponse", '{"version":42}'),
    ("enum by name", SAMPLE, '{"colour":2,"colours":[0,1,2]}'),
    ("enum by number without a name", SAMPLE, '{"colour":77,"colours":[-1]}'),
    ("bytes as standard base64 with padding", SAMPLE, '{"raw":"-_8"}'),
    ("map keys are strings, sorted", SAMPLE, '{"names":{"b":"2","a":"1"},"largeByNumber":{"10":1,"-2":2,"9":3},"textByFlag":{"true":"t","false":"f"}}'),
    ("empty message", "hydra.v1.DeployResponse", '{}'),
    ("examples", "hydra.v1.DeployRequest", '{"deploymentId":"d_Ab12Cd34","git":{"installationId":"4711","repository":"acme/api","contextPath":".","dockerfilePath":"Dockerfile","branch":"main"}}'),
    ("examples", "hydra.v1.DeployRequest", '{"deploymentId":"d_Ab12Cd34","dockerImage":{"image":"nginx:1.27"}}'),
    ("examples", "hydra.v1.ScheduleDesiredStateChangeRequest", '{"delayMillis":"1800000","state":"DEPLOYMENT_DESIRED_STATE_STANDBY"}'),
    ("examples", "hydra.v1.AssignFrontlineRoutesRequest", '{"deploymentId":"d_x","frontlineRouteIds":["flr_1","flr_2"]}'),
    ("examples", "hydra.v1.HandlePushRequest", '{"installationId":"101","repositoryId":"202","repositoryFullName":"acme/repo","branch":"main","after":"aaaa","commitTimestamp":"1704067260000","senderLogin":"m"}'),
    ("examples", "hydra.v1.RunSyncResponse", '{"keysSynced":17}'),
]



def refused(why):
    """What Go does with a row that Python accepts."""
    return False, None, why


TWICE = refused("Python takes the last of two spellings, Go refuses the second")
BLANKS = refused("Python strips tabs and line ends, Go refuses any blank")
NOTATION = refused("Python reads a string by its own integer syntax, Go by JSON's number syntax")
LITERAL = refused("Python converts what is no enum value, Go takes a name in a string or an integral number")
LAX = refused("Python takes any empty or number-like value, Go the type the field has")

DECODING = [
    ("both spellings accepted", SAMPLE, '{"large_unsigned":"1","isForkPr":true}'),
    ("both spellings of one field", SAMPLE, '{"large_unsigned":"1","largeUnsigned":"1"}', *TWICE),
    ("both spellings of one field", "hydra.v1.DeployRequest", '{"deploymentId":"d_1","deployment_id":"d_1"}', *TWICE),
    ("unknown field", SAMPLE, '{"nope":1}'),
    ("unknown field", SAMPLE, '{"inner":{"nope":{"deep":[null]}}}'),
    ("unknown field", "hydra.v1.NextVersionRequest", '{"foo":1}'),
    *[("null is absent", SAMPLE, json.dumps({name: None})) for name in
      ["flag", "small", "large", "text", "raw", "colour", "inner", "maybeText", "texts", "inners", "names", "first", "second", "third"]],
    ("null is absent", SAMPLE, '{"first":null,"second":"x"}'),
    ("null is absent", "hydra.v1.DeployRequest", '{"git":null,"dockerImage":{"image":"a"}}'),
    ("null inside a list", SAMPLE, '{"texts":[null]}'),
    ("null inside a list", SAMPLE, '{"larges":[1,null]}'),
    ("null inside a list", SAMPLE, '{"inners":[null]}'),
    ("null inside a list", SAMPLE, '{"colours":[null]}'),
    ("null inside a map", SAMPLE, '{"names":{"a":null}}'),
    ("null inside a map", SAMPLE, '{"innerByName":{"a":null}}'),
    *[("integers", SAMPLE, '{"%s":%s}' % (field, text)) for field in ["small", "large", "smallUnsigned", "largeUnsigned"]
      for text in ["5", '"5"', "0", '"0"', "1e3", "2.0"]],
    ("integers", SAMPLE, '{"large":-5,"small":"-5"}'),
    ("integers", SAMPLE, '{"large":"1e3"}'),
    ("integers", SAMPLE, '{"small":"2.0"}'),
    ("integers, not integral", SAMPLE, '{"large":1.5}'),
    ("integers, not integral", SAMPLE, '{"small":1e-1}'),
    ("integers, not integral", SAMPLE, '{"large":"1.5"}'),
    *[("integers, blanks", SAMPLE, '{"%s":"%s"}' % (field, text)) for field in ["small", "large"] for text in [" 5", "5 ", "", " "]],
    *[("integers, blanks", SAMPLE, '{"%s":"%s"}' % (field, text), *BLANKS) for field in ["small", "large"] for text in ["\\t5", "5\\n"]],
    *[("integers, range", SAMPLE, '{"%s":%s}' % (field, text)) for field, text in [
        ("small", "2147483647"), ("small", "-2147483648"), ("small", "2147483648"), ("small", "-2147483649"),
        ("smallUnsigned", "4294967295"), ("smallUnsigned", "4294967296"), ("smallUnsigned", "-1"),
        ("large", "9223372036854775807"), ("large", '"9223372036854775807"'), ("large", '"-9223372036854775808"'),
        ("large", "9223372036854775808"), ("large", '"-9223372036854775809"'),
        ("largeUnsigned", '"18446744073709551615"'), ("largeUnsigned", '"18446744073709551616"'), ("largeUnsigned", '"-1"'),
        ("large", "1e19"), ("large", "1e400")]],
    *[("integers, notation", SAMPLE, '{"large":"%s"}' % text) for text in ["0x10", "abc", "--1", "NaN", "Infinity"]],
    *[("integers, notation", SAMPLE, '{"large":"%s"}' % text, *NOTATION) for text in ["1_000", "+5", "05", "\u0661"]],
    ("integers, notation", SAMPLE, '{"large":05}'),
    ("integers, notation", SAMPLE, '{"small":true}'),
    ("integers, notation", SAMPLE, '{"small":[5]}'),
    *[("bool", SAMPLE, '{"flag":%s}' % text) for text in ["true", "false", "1", "0", '"true"', '"false"', "{}"]],
    *[("enum", SAMPLE, '{"colour":%s}' % text) for text in
      ['"COLOUR_RED"', "1", "0", "77", "-1", "2147483647", "2147483648", '"colour_red"', '"RED"', '"NOPE"', '""']],
    *[("enum", SAMPLE, '{"colour":%s}' % text, *LITERAL) for text in ["1.5", "true", '"1"']],
    ("enum", SAMPLE, '{"colour":2.0}'),
    ("enum", SAMPLE, '{"colours":["COLOUR_RED",2,"NOPE"]}'),
    ("enum", SAMPLE, '{"maybeColour":77}'),
    *[("bytes", SAMPLE, '{"raw":"%s"}' % text) for text in ["AP/+", "AP_-", "AA==", "AA", "AAE=", "AAE", "-_8=", "+/8", ""]],
    ("bytes", SAMPLE, '{"raw":"A"}'),
    ("bytes", SAMPLE, '{"raw":"A*=="}'),
    ("bytes", SAMPLE, '{"raw":"AAE-_/+="}', *refused("Python takes both alphabets in one value, Go one of them")),
    ("bytes", SAMPLE, '{"raw":5}'),
    *[("string", SAMPLE, '{"text":%s}' % text) for text in ['"a"', '"\\u00fc\\ud83d\\ude00"', "5", "true", '["a"]', "{}"]],
    ("string, lone surrogate", SAMPLE, '{"text":"\\ud800"}'),
    ("string, not UTF-8", SAMPLE, b'{"text":"\xff"}'),
    ("string, control character", SAMPLE, '{"text":"a\nb"}'),
    ("two members of a oneof", SAMPLE, '{"second":"a","third":"1"}'),
    ("two members of a oneof", "hydra.v1.DeployRequest", '{"git":{},"dockerImage":{}}'),
    ("duplicate key", SAMPLE, '{"text":"a","text":"a"}'),
    ("duplicate key", SAMPLE, '{"inner":{"value":"a","value":"b"}}'),
    ("duplicate key", SAMPLE, '{"text":null,"text":"a"}'),
    ("duplicate key", SAMPLE, '{"names":{"a":"1","a":"2"}}'),
    ("duplicate key", SAMPLE, '{"inners":[{"value":"a","value":"b"}]}'),
    ("duplicate key", SAMPLE, '{"t\\u0065xt":"a","text":"a"}'),
    ("field-name case", SAMPLE, '{"Text":"a"}'),
    ("field-name case", SAMPLE, '{"largeunsigned":"1"}'),
    ("field-name case", SAMPLE, '{"LargeUnsigned":"1"}'),
    ("field-name case", "hydra.v1.DeployRequest", '{"DeploymentId":"d_1"}'),
    ("maps", SAMPLE, '{"largeByNumber":{"1":"5","-2":6}}'),
    ("maps", SAMPLE, '{"largeByNumber":{"x":"5"}}'),
    ("maps", SAMPLE, '{"largeByNumber":{"2147483648":"5"}}'),
    ("maps", SAMPLE, '{"textByFlag":{"true":"a"}}'),
    ("maps", SAMPLE, '{"textByFlag":{"yes":"a"}}'),
    ("maps", SAMPLE, '{"names":["a"]}'),
    ("maps", SAMPLE, '{"names":{"":""}}'),
    ("lists", SAMPLE, '{"texts":"a"}'),
    ("lists", SAMPLE, '{"texts":{"0":"a"}}'),
    ("messages", SAMPLE, '{"inner":"a"}'),
    ("messages", SAMPLE, '{"inner":[]}', *LAX),
    ("messages", SAMPLE, '{"inner":5}'),
    *[("floating point", SAMPLE, '{"real":%s,"single":%s}' % (text, text)) for text in
      ["1.5", '"1.5"', "-0.25", "1e3", '"NaN"', '"Infinity"', '"-Infinity"', '"x"']],
    ("floating point", SAMPLE, '{"real":true}', *LAX),
    ("floating point, range", SAMPLE, '{"real":1e309}'),
    ("floating point, range", SAMPLE, '{"single":1e39}'),
    ("floating point, blanks", SAMPLE, '{"real":" 1.5"}', *LAX),
    ("empty body", SAMPLE, ""),
    ("trailing data", SAMPLE, "{} {}"),
    ("trailing data", SAMPLE, "{}x"),
    ("trailing blanks", SAMPLE, " {} \n"),
    ("trailing comma", SAMPLE, '{"text":"a",}'),
    ("non-object", SAMPLE, "[]", *LAX),
    ("non-object", SAMPLE, '"a"'),
    ("non-object", SAMPLE, "5"),
    ("non-object", SAMPLE, "null"),
    ("nesting", SAMPLE, '{"inner":' + '{"deeper":' * 60 + "{}" + "}" * 61),
    ("nesting", SAMPLE, '{"inner":' + '{"deeper":' * 120 + "{}" + "}" * 121),
]


def verdict(cls, text):
    """(accepted, canonical JSON)."""
    try:
        if isinstance(text, bytes):
            text = text.decode()
        message = json_format.Parse(text, cls())
        message.SerializeToString()
        return True, json_format.MessageToDict(message)
    except (json_format.ParseError, UnicodeError, RecursionError, ValueError):
        return False, None


def golden_rows(messages):
    wrong = []
    for section, rows in (("encoding", ENCODING), ("decoding", DECODING)):
        for rule, name, text, *differs in rows:
            accept, canonical = verdict(messages[name], text)
            row = {"section": section, "rule": rule, "message": name}
            if isinstance(text, bytes):
                row["input_base64"] = base64.b64encode(text).decode()
            else:
                row["input"] = text
            if differs:
                go_accepts, go_canonical, why = differs
                go_canonical = json.loads(go_canonical) if go_accepts else None
                if (go_accepts, go_canonical) == (accept, canonical):
                    wrong.append(f"{rule}: {text!r} no longer differs")
                accept, canonical = go_accepts, go_canonical
                row["differs"] = why
            row["accept"] = accept
            if accept:
                row["json"] = canonical
            if section == "encoding" and not accept:
                wrong.append(f"{rule}: {text!r} must be accepted")
            yield row
    if wrong:
        sys.exit("\n".join(wrong))


def write(name, rows):
    text = ",\n".join("  " + json.dumps(row, sort_keys=True) for row in rows)
    (HERE / name).write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    classes = load()
    write("messages.json", list(golden_messages(classes)))
    write("rows.json", list(golden_rows(classes)))
