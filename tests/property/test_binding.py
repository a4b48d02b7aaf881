"""String bindings: every one prints and reads back, and any text is a binding or an error."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.dcerpc.binding import FLAGS, StringBinding
from rpch.dcerpc.hostport import BindingError, HostPort

PORTS = st.integers(1, 0xFFFF)
HOSTS = st.sampled_from(["ex01", "mail.example.com", "192.0.2.1", "2001:db8::1", "fe80::1%75", "::"])
TEXTS = st.text(alphabet="ab,[]\\=/ é:", max_size=8)
BINDINGS = st.builds(
    StringBinding,
    protseq=st.sampled_from(["ncacn_ip_tcp", "ncacn_http"]),
    host=HOSTS,
    endpoint=st.none() | PORTS.map(str),
    object_uuid=st.none() | st.uuids(),
    flags=st.frozensets(st.sampled_from(FLAGS)),
    target_hostname=st.none() | TEXTS.filter(bool),
    target_principal=st.none() | TEXTS.filter(bool),
    assoc_group_id=st.none() | st.integers(0, 0xFFFFFFFF),
    rpc_proxy=st.none() | st.builds(HostPort, HOSTS, st.none() | PORTS),
    http_proxy=st.none() | st.builds(HostPort, HOSTS, st.none() | PORTS),
    use_http_proxy=st.booleans(),
    options=st.lists(st.tuples(st.sampled_from(["Security", "localaddress", "x"]), TEXTS)).map(tuple),
)


@given(BINDINGS)
@settings(max_examples=80, deadline=None)
def test_every_binding_prints_and_reads_back(binding: StringBinding) -> None:
    assert StringBinding.parse(str(binding)) == binding


@given(
    st.text(max_size=40)
    | st.text(alphabet="ncah_tp:[],=\\@0123456789", max_size=40).map(lambda rest: f"ncacn_http:{rest}")
)
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_binding_or_an_error(text: str) -> None:
    try:
        binding = StringBinding.parse(text)
    except BindingError:
        return
    assert StringBinding.parse(str(binding)) == binding
