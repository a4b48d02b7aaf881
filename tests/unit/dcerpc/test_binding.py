"""String bindings: what reads, what prints back, and what is wrong with the rest."""

from uuid import UUID

import pytest

from rpch.dcerpc.binding import FLAGS, StringBinding, parse_interface
from rpch.dcerpc.hostport import BindingError, HostPort
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import FOREIGN_SEQUENCES, ProtocolSequence

OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")

ROUND_TRIPS = [
    "ncacn_ip_tcp:127.0.0.1[20,sign]",
    "ncacn_http:127.0.0.1[78,ProxyServer=myproxy:3128]",
    "308fb580-1eb2-11ca-923b-08002b1075a7@ncacn_ip_tcp:127.0.0.1",
    "ncacn_ip_tcp:FD00::5357:5F00[75,target_hostname=port75.example.com]",
    "ncacn_ip_tcp:fe80::5357:5F00%75[75]",
    "ncacn_ip_tcp:::[75]",
    "ncacn_ip_tcp:127.0.0.1[75,connect,target_hostname=a,target_principal=host/a,assoc_group_id=0x01234567]",
    "ncacn_ip_tcp:127.0.0.1[,sign]",
    "ncacn_ip_tcp:",
    "ncacn_http:ex01[6001,HttpProxy=proxy:3128,RpcProxy=mail.example.com:443,HttpConnectionOption=UseHttpProxy]",
    r"ncacn_http:ex01[6001,RpcProxy=\[2001:db8::1\]:443]",
    r"ncacn_http:ex01[6001,note=a\,b\[c\]d\\e=f]",
    r"ncacn_np:server[\\pipe\\epmapper]",
    "ncacn_ip_tcp:h[," + ",".join(FLAGS) + "]",
]


@pytest.mark.parametrize("text", ROUND_TRIPS)
def test_bindings_read_and_print_back(text: str) -> None:
    binding = StringBinding.parse(text)
    assert str(binding) == text
    assert StringBinding.parse(str(binding)) == binding


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("308FB580-1EB2-11CA-923B-08002B1075A7@NCACN_IP_TCP:h", f"{OBJECT}@ncacn_ip_tcp:h"),
        ("00000000-0000-0000-0000-000000000000@ncacn_http:h", "ncacn_http:h"),
        ("ncacn_http:h[]", "ncacn_http:h"),
        ("ncacn_http:h[SEAL,sign]", "ncacn_http:h[,sign,seal]"),
        ("ncacn_http:h[endpoint=593]", "ncacn_http:h[593]"),
        ("ncacn_http:h[593,endpoint=593]", "ncacn_http:h[593]"),
        ("ncacn_http:h[593,endpoint=]", "ncacn_http:h[593]"),
        ("ncacn_http:[host=h,transport=NCACN_HTTP]", "ncacn_http:h"),
        (f"ncacn_http:h[object={{{OBJECT}}}]", f"{OBJECT}@ncacn_http:h"),
        ("ncacn_http:h[,target_hostname=H]", "ncacn_http:h"),
        ("ncacn_http:h[,rpcproxy=p]", "ncacn_http:h[,RpcProxy=p]"),
        ("ncacn_http:h[,x=1,RpcProxy=p,HTTPPROXY=q:1]", "ncacn_http:h[,HttpProxy=q:1,RpcProxy=p,x=1]"),
        ("ncacn_http:h[,assoc_group_id=17]", "ncacn_http:h[,assoc_group_id=0x00000011]"),
        ("ncacn_http:h[,localaddress=10.0.0.1]", "ncacn_http:h[,localaddress=10.0.0.1]"),
        (r"ncacn_np:h[\pipe\x]", r"ncacn_np:h[\\pipe\\x]"),
    ],
)
def test_other_spellings_become_the_canonical_one(text: str, canonical: str) -> None:
    assert str(StringBinding.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("", 0x6A4, "names no protocol sequence"),
        ("mail.example.com", 0x6A4, "write for example ncacn_http:mail.example.com"),
        ("fd00::1", 0x6A4, "names no protocol sequence"),
        (":h", 0x6A4, "'' is no protocol sequence"),
        ("ncacn http:h", 0x6A4, "is no protocol sequence"),
        ("ncacn_http:h[593", 0x6A4, "ends inside its"),
        ("ncacn_http:h[593]x", 0x6A4, "ends inside its"),
        ("ncacn_http:h593]", 0x6A4, "without a"),
        (r"ncacn_http:h[593\]", 0x6A4, "backslash in front"),
        ("ncacn_ip_tcp:[fd00::1][135]", 0x6A4, "IPv6 host stands without brackets"),
        ("1234@ncacn_http:h", 0x6A9, "'1234' is no UUID"),
        ("{08fb580-1eb2-11ca-923b-08002b1075a}@ncacn_http:h", 0x6A9, "is no UUID"),
        ("ncacn_http:h[,object=1]", 0x6A9, "is no UUID"),
        ("ncacn_http:h[0]", 0x6AA, "no port from 1 to 65535"),
        ("ncacn_ip_tcp:h[65536]", 0x6AA, "no port"),
        (r"ncacn_ip_tcp:h[\pipe\x]", 0x6AA, "no port"),
        ("ncacn_ip_tcp:300.0.0.1", 0x6AB, "neither a name nor an address"),
        (r"ncacn_ip_tcp:\\server", 0x6AB, "neither a name nor an address"),
        ("ncacn_ip_tcp:fd00::1::2", 0x6AB, "neither"),
        ("ncacn_http:h[593,594]", 0x6BC, "unknown option '594'"),
        ("ncacn_http:h[593,]", 0x6BC, "unknown option ''"),
        ("ncacn_http:h[593,=x]", 0x6BC, "unknown option '=x'"),
        ("ncacn_http:h[593,endpoint=594]", 0x6BC, "endpoint is given twice"),
        ("ncacn_http:h[,host=g]", 0x6BC, "host is given twice"),
        ("ncacn_http:h[,transport=ncacn_ip_tcp]", 0x6BC, "transport is given twice"),
        ("ncacn_http:h[,RpcProxy=a,RpcProxy=b]", 0x6BC, "RpcProxy is given twice"),
        ("ncacn_http:h[,RpcProxy=]", 0x6BC, "neither a name"),
        ("ncacn_http:h[,RpcProxy=p:0]", 0x6BC, "no port"),
        ("ncacn_http:h[,HttpConnectionOption=Maybe]", 0x6BC, "can only be UseHttpProxy"),
        ("ncacn_http:h[,assoc_group_id=many]", 0x6BC, "is no number"),
        ("ncacn_http:h[,assoc_group_id=0x100000000]", 0x6BC, "32 bits"),
    ],
)
def test_what_is_wrong_has_its_code_and_a_plain_sentence(text: str, code: int, sentence: str) -> None:
    with pytest.raises(BindingError) as caught:
        StringBinding.parse(text)
    assert caught.value.code == code
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("string binding: ")


def test_a_mailbox_is_a_server_to_an_rpc_proxy_and_to_nobody_else() -> None:
    mailbox = "01234567-89ab-cdef-0123-456789abcdef@lab.example"
    text = f"ncacn_http:{mailbox}[6004,RpcProxy=proxy.example]"
    binding = StringBinding.parse(text)
    assert (binding.host, str(binding)) == (mailbox, text)
    with pytest.raises(BindingError):
        StringBinding.parse(f"ncacn_ip_tcp:{mailbox}[6004]")


def test_fields_can_be_given_directly_and_are_checked_too() -> None:
    binding = StringBinding(
        "ncacn_http", "ex01", "6001", rpc_proxy=HostPort("mail.example.com", 443), flags=frozenset({"seal"})
    )
    assert str(binding) == "ncacn_http:ex01[6001,seal,RpcProxy=mail.example.com:443]"
    assert binding.port == 6001
    with pytest.raises(BindingError, match="unknown flag 'armour'"):
        StringBinding("ncacn_http", flags=frozenset({"armour"}))


def test_a_binding_without_an_endpoint_has_no_port() -> None:
    assert StringBinding.parse("ncacn_http:h").port is None
    assert StringBinding.parse("ncalrpc:[EXAMPLE]").port is None


def test_the_transport_is_one_we_speak_or_an_error() -> None:
    assert StringBinding.parse("ncacn_http:h").transport is ProtocolSequence.NCACN_HTTP
    assert StringBinding.parse("ncacn_ip_tcp:h").transport is ProtocolSequence.NCACN_IP_TCP
    for foreign in FOREIGN_SEQUENCES:
        with pytest.raises(BindingError, match="not supported, only ncacn_ip_tcp, ncacn_http") as caught:
            _ = StringBinding.parse(f"{foreign}:h").transport
        assert caught.value.code == 0x6A7
    with pytest.raises(BindingError, match="known are") as caught:
        _ = StringBinding.parse("ncacn_carrier_pigeon:h").transport
    assert caught.value.code == 0x6A8


def test_interfaces_as_text() -> None:
    syntax = SyntaxId(OBJECT, 3, 1)
    assert parse_interface(str(syntax)) == syntax
    assert parse_interface(f"{OBJECT}/0x00010003") == syntax
    assert parse_interface(f"{str(OBJECT).upper()}/V3.1") == syntax


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{OBJECT}", 0x6A4),
        (f"{OBJECT}/1.0", 0x6A4),
        (f"{OBJECT}/v70000.0", 0x6A4),
        (f"{OBJECT}/0x123456789", 0x6A4),
        ("x/v1.0", 0x6A9),
    ],
)
def test_what_is_no_interface_says_so(text: str, code: int) -> None:
    with pytest.raises(BindingError) as caught:
        parse_interface(text)
    assert caught.value.code == code
