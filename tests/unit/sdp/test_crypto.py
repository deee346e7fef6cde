"""SDES in SDP: attributes read and written, offers and answers in each mode, keys that stay or change."""

from __future__ import annotations

import random
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.srtp.material import SUITES, KeyMaterial, key_length
from softswitch.sdp.crypto import Crypto, SrtpPolicy, read_crypto
from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sdp.negotiate import KNOWN_CODECS, AudioAgreement, Negotiation
from tests.support.session_descriptions import body, section

OURS = (KNOWN_CODECS["pcma"], KNOWN_CODECS["pcmu"])
ALL = tuple(SUITES)
CM80, CM32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
GCM256, GCM128 = "AEAD_AES_256_GCM", "AEAD_AES_128_GCM"
RFC_4568_KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
MANDATORY, OPTIONAL, OFF = SrtpPolicy("mandatory"), SrtpPolicy("optional"), SrtpPolicy("off")


def crypto(suite: str, tag: int = 1, seed: int = 1) -> Crypto:
    return Crypto(tag, KeyMaterial(suite, random.Random(f"{suite}{seed}").randbytes(key_length(suite))))


def negotiation(policy: SrtpPolicy, seed: int = 0) -> Negotiation:
    return Negotiation(
        address="198.51.100.1",
        port=20000 + 2 * seed,
        session_id=9,
        srtp=policy,
        random=random.Random(seed).randbytes,
    )


def offered(*lines: Crypto | str, profile: str = "RTP/SAVP", port: int = 4000, address: str = "192.0.2.10") -> bytes:
    texts = tuple(each if isinstance(each, str) else each.line for each in lines)
    return body(section(port=port, protocol=profile, lines=texts), address=address)


def keys_in(written: bytes) -> list[Crypto]:
    return read_crypto(written.decode().split("\r\n"), ALL)[0]


def profile_in(written: bytes) -> str:
    return next(line for line in written.decode().split("\r\n") if line.startswith("m=audio")).split()[2]


def answered(ours: Negotiation, offer: bytes) -> tuple[bytes, AudioAgreement]:
    ours.receive_offer(offer)
    return ours.make_answer(OURS)


class TestAttribute:
    def test_the_example_of_rfc_4568(self) -> None:
        found, refused = read_crypto([f"a=crypto:1 {CM80} inline:{RFC_4568_KEY}|2^20|1:4"], ALL)
        assert (found, refused) == ([], [f"{CM80} with an MKI"])
        ((only,), refused) = read_crypto([f"a=crypto:1 {CM80} inline:{RFC_4568_KEY}|2^20"], ALL)
        assert (only.tag, only.suite, only.material.key_salt) == (1, CM80, b"YS___semctl () {\t220;}\n}\nunles")
        assert refused == []

    @pytest.mark.parametrize("suite", ALL)
    def test_what_is_written_is_read_again(self, suite: str) -> None:
        one = crypto(suite, 7)
        assert read_crypto([one.line], ALL) == ([one], [])
        assert one.line.startswith(f"a=crypto:7 {suite} inline:")

    @pytest.mark.parametrize("suite", [GCM256, GCM128])
    def test_padding_may_be_missing(self, suite: str) -> None:
        one = crypto(suite)
        assert read_crypto([one.line.rstrip("=")], ALL) == ([one], [])

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("1", "no tag, suite and key"),
            ("one SUITE inline:x", "tag is no number"),
            (f"1 F8_128_HMAC_SHA1_80 inline:{RFC_4568_KEY}", "suite F8_128_HMAC_SHA1_80"),
            (f"1 {CM80} inline:{RFC_4568_KEY} UNENCRYPTED_SRTP", f"{CM80} with UNENCRYPTED_SRTP"),
            (f"1 {CM80} inline:{RFC_4568_KEY} UNAUTHENTICATED_SRTP", f"{CM80} with UNAUTHENTICATED_SRTP"),
            (f"1 {CM80} inline:{RFC_4568_KEY} KDR=24", f"{CM80} with KDR"),
            (f"1 {CM80} inline:{RFC_4568_KEY} NEW_THING=1", f"{CM80} with a parameter unknown here"),
            (f"1 {CM80} inline:{RFC_4568_KEY};inline:{RFC_4568_KEY}", f"{CM80} with several keys"),
            (f"1 {CM80} mikey:{RFC_4568_KEY}", f"{CM80} with another key method than inline"),
            (f"1 {CM80} inline:{RFC_4568_KEY[:-4]}", f"{CM80} with a key of 27 octets, not 30"),
            (f"1 {GCM256} inline:{RFC_4568_KEY}", f"{GCM256} with a key of 30 octets, not 44"),
            (f"1 {CM80} inline:{'!' * 40}", f"{CM80} with a key that is no base64"),
            (f"1 {CM80} inline:{RFC_4568_KEY}|2^10", "lifetime of less than"),
            (f"1 {CM80} inline:{RFC_4568_KEY}|2^99", "lifetime of less than"),
            (f"1 {CM80} inline:{RFC_4568_KEY}|3^31", "lifetime of less than"),
            (f"1 {RFC_4568_KEY} inline:x", "suite unreadable"),
        ],
    )
    def test_what_is_not_understood_is_not_used(self, value: str, why: str) -> None:
        found, (told,) = read_crypto([f"a=crypto:{value}"], ALL)
        assert found == []
        assert why in told
        assert RFC_4568_KEY[:12] not in told

    def test_hints_and_what_is_marked_optional_do_no_harm(self) -> None:
        lines = [
            f"a=crypto:1 {CM80} inline:{RFC_4568_KEY}|2^31 WSH=64",
            f"a=crypto:2 {CM32} inline:{RFC_4568_KEY}|2097152 -FEC_ORDER=FEC_SRTP",
            f"a=crypto:3 {CM80.lower()} INLINE:{RFC_4568_KEY}",
        ]
        found, refused = read_crypto(lines, ALL)
        assert ([each.tag for each in found], refused) == ([1, 2, 3], [])

    def test_a_tag_is_used_once(self) -> None:
        assert read_crypto([crypto(CM80).line, crypto(CM32).line], ALL) == ([crypto(CM80)], ["tag used twice"])

    @given(st.text(max_size=120))
    def test_anything_can_be_read(self, text: str) -> None:
        read_crypto([f"a=crypto:{text}"], ALL)

    @given(st.lists(st.sampled_from(["1", CM80, f"inline:{RFC_4568_KEY}", "|", "2^31", ":", ";", " ", "WSH=9"])))
    def test_any_pieces_can_be_read(self, pieces: list[str]) -> None:
        read_crypto(["a=crypto:" + "".join(pieces)], ALL)


class TestOffer:
    def test_mandatory(self) -> None:
        offer = negotiation(MANDATORY).make_offer(OURS)
        assert profile_in(offer) == "RTP/SAVP"
        assert [(each.tag, each.suite) for each in keys_in(offer)] == [(1, GCM256), (2, GCM128), (3, CM80), (4, CM32)]
        assert len({each.material.key_salt[:16] for each in keys_in(offer)}) == 4

    def test_optional_is_plain_with_keys(self) -> None:
        offer = negotiation(SrtpPolicy("optional", (CM80,))).make_offer(OURS)
        assert profile_in(offer) == "RTP/AVP"
        assert [each.suite for each in keys_in(offer)] == [CM80]

    def test_off(self) -> None:
        offer = negotiation(OFF).make_offer(OURS)
        assert (profile_in(offer), keys_in(offer)) == ("RTP/AVP", [])

    @pytest.mark.parametrize("suite", ALL)
    @pytest.mark.parametrize(
        ("policy", "profile"), [(MANDATORY, "RTP/SAVP"), (OPTIONAL, "RTP/AVP"), (OPTIONAL, "RTP/SAVP")]
    )
    def test_the_answer_picks_one(self, policy: SrtpPolicy, profile: str, suite: str) -> None:
        ours = negotiation(policy)
        mine = next(each for each in keys_in(ours.make_offer(OURS)) if each.suite == suite)
        theirs = crypto(suite, mine.tag, 5)
        agreement = ours.receive_answer(offered(theirs, profile=profile))
        assert agreement.keys == (theirs.material, mine.material)
        assert agreement.keys is not None
        assert agreement.keys.suite == suite

    def test_a_plain_answer_to_an_optional_offer(self) -> None:
        ours = negotiation(OPTIONAL)
        ours.make_offer(OURS)
        assert ours.receive_answer(offered(profile="RTP/AVP")).keys is None
        assert keys_in(ours.make_offer(OURS)) == []

    @pytest.mark.parametrize(
        "answer",
        [
            offered(profile="RTP/AVP"),
            offered(profile="RTP/SAVP"),
            offered(crypto(GCM256, 3)),
            offered(crypto(GCM256, 9)),
            offered(crypto(GCM256, 1), crypto(GCM128, 2)),
            offered(crypto(GCM256, 1), profile="RTP/AVP"),
        ],
    )
    def test_other_answers_to_a_mandatory_offer_are_refused(self, answer: bytes) -> None:
        ours = negotiation(MANDATORY)
        ours.make_offer(OURS)
        with pytest.raises(SdpError) as caught:
            ours.receive_answer(answer)
        assert caught.value.status == 488

    def test_every_branch_of_a_fork_answers_for_itself(self) -> None:
        ours = negotiation(MANDATORY)
        mine = {each.suite: each for each in keys_in(ours.make_offer(OURS))}
        for suite, seed in ((CM80, 1), (GCM256, 2), (CM80, 3)):
            theirs = crypto(suite, mine[suite].tag, seed)
            agreement = ours.receive_answer(offered(theirs), provisional=True)
            assert agreement.keys == (theirs.material, mine[suite].material)
        last = crypto(GCM256, mine[GCM256].tag, 9)
        assert ours.receive_answer(offered(last)).keys == (last.material, mine[GCM256].material)
        assert keys_in(ours.make_offer(OURS)) == [mine[GCM256]]

    def test_without_randomness_there_are_no_keys(self) -> None:
        with pytest.raises(LocalError, match="random"):
            Negotiation(address="198.51.100.1", port=20000, session_id=9, srtp=MANDATORY).make_offer(OURS)


class TestAnswer:
    @pytest.mark.parametrize("policy", [MANDATORY, OPTIONAL])
    @pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
    def test_our_best_suite_with_their_tag_in_their_profile(self, policy: SrtpPolicy, profile: str) -> None:
        theirs = (crypto(CM32, 10), crypto(CM80, 20), crypto(GCM128, 30))
        ours = negotiation(policy)
        written, agreement = answered(ours, offered(*theirs, profile=profile))
        (mine,) = keys_in(written)
        assert (mine.tag, mine.suite, profile_in(written)) == (30, GCM128, profile)
        assert agreement.keys == (theirs[2].material, mine.material)
        assert mine.material != theirs[2].material

    def test_the_order_of_the_policy(self) -> None:
        ours = negotiation(SrtpPolicy("mandatory", (CM32, CM80)))
        written, _ = answered(ours, offered(crypto(GCM256, 1), crypto(CM80, 2), crypto(CM32, 3)))
        assert [each.tag for each in keys_in(written)] == [3]

    def test_optional_takes_a_plain_offer(self) -> None:
        written, agreement = answered(negotiation(OPTIONAL), offered(profile="RTP/AVP"))
        assert (keys_in(written), profile_in(written), agreement.keys) == ([], "RTP/AVP", None)

    def test_off_leaves_keys_in_a_plain_offer_alone(self) -> None:
        written, agreement = answered(negotiation(OFF), offered(crypto(CM80), profile="RTP/AVP"))
        assert (keys_in(written), agreement.keys) == ([], None)

    @pytest.mark.parametrize("plain_first", [True, False])
    def test_of_a_stream_offered_twice_the_secure_one_is_taken(self, plain_first: bool) -> None:
        twice = [section(protocol="RTP/SAVP", lines=(crypto(CM80).line,)), section(port=4002)]
        twice = twice[::-1] if plain_first else twice
        written, agreement = answered(negotiation(OPTIONAL), body(*twice))
        ports = [line.split()[1:3] for line in written.decode().split("\r\n") if line.startswith("m=")]
        expected = [["20000", "RTP/SAVP"], ["0", "RTP/AVP"]]
        assert ports == (expected[::-1] if plain_first else expected)
        assert agreement.keys is not None
        written, agreement = answered(negotiation(OFF), body(*twice))
        assert agreement.keys is None

    @pytest.mark.parametrize(
        ("policy", "offer", "told"),
        [
            (MANDATORY, offered(profile="RTP/AVP"), "RTP/AVP without a usable crypto attribute"),
            (MANDATORY, offered(profile="RTP/SAVP"), "RTP/SAVP without a usable crypto attribute"),
            (OPTIONAL, offered("a=crypto:1 F8_128_HMAC_SHA1_80 inline:x"), "(suite F8_128_HMAC_SHA1_80)"),
            (OFF, offered(crypto(CM80)), "profile RTP/SAVP"),
            (MANDATORY, offered(crypto(CM80), profile="UDP/TLS/RTP/SAVP"), "profile UDP/TLS/RTP/SAVP"),
        ],
    )
    def test_what_cannot_be_is_488_with_a_warning(self, policy: SrtpPolicy, offer: bytes, told: str) -> None:
        with pytest.raises(SdpError) as caught:
            negotiation(policy).receive_offer(offer)
        assert (caught.value.status, told in str(caught.value)) == (488, True)
        warning = caught.value.warning_value("192.0.2.1:5060")
        assert warning is not None
        assert warning.startswith('302 192.0.2.1:5060 "expected RTP/')
        assert warning.endswith('"')
        assert warning.count('"') == 2


class TestLater:
    def test_hold_and_resume_keep_both_keys(self) -> None:
        ours = negotiation(MANDATORY)
        theirs = crypto(GCM256)
        first, agreement = answered(ours, offered(theirs))
        second, later = answered(ours, offered(theirs, "a=sendonly"))
        assert keys_in(second) == keys_in(first)
        assert later.keys == agreement.keys
        own_offer = ours.make_offer(OURS)
        assert (keys_in(own_offer), profile_in(own_offer)) == (keys_in(first), "RTP/SAVP")
        assert ours.receive_answer(offered(theirs)).keys == agreement.keys

    def test_a_new_key_of_theirs_leaves_ours(self) -> None:
        ours = negotiation(MANDATORY)
        first, _ = answered(ours, offered(crypto(GCM256)))
        second, later = answered(ours, offered(crypto(GCM256, 1, 2)))
        assert keys_in(second) == keys_in(first)
        assert later.keys == (crypto(GCM256, 1, 2).material, keys_in(first)[0].material)

    def test_another_key_at_another_address_may_be_another_party(self) -> None:
        ours = negotiation(MANDATORY)
        first, _ = answered(ours, offered(crypto(GCM256)))
        second, _ = answered(ours, offered(crypto(GCM256), address="192.0.2.11"))
        third, _ = answered(ours, offered(crypto(GCM256, 1, 2), address="192.0.2.12"))
        assert keys_in(second) == keys_in(first)
        assert keys_in(third)[0].material != keys_in(first)[0].material

    def test_the_suite_in_use_is_kept_while_it_is_offered(self) -> None:
        ours = negotiation(MANDATORY)
        first, _ = answered(ours, offered(crypto(CM80, 1)))
        second, _ = answered(ours, offered(crypto(GCM256, 1), crypto(CM80, 2)))
        assert [(each.tag, each.material) for each in keys_in(second)] == [(2, keys_in(first)[0].material)]

    def test_another_suite_is_another_key_and_so_is_the_way_back(self) -> None:
        ours = negotiation(MANDATORY)
        seen = [
            keys_in(answered(ours, offered(crypto(suite)))[0])[0].material for suite in (CM80, CM32, CM80, GCM128, CM80)
        ]
        assert len(set(seen)) == 5

    def test_secure_to_plain_and_back(self) -> None:
        ours = negotiation(OPTIONAL)
        first, _ = answered(ours, offered(crypto(CM80)))
        _, plain = answered(ours, offered(profile="RTP/AVP"))
        assert plain.keys is None
        assert keys_in(ours.make_offer(OURS)) == []
        ours.withdraw_offer()
        again, _ = answered(ours, offered(crypto(CM80)))
        assert keys_in(again)[0].material != keys_in(first)[0].material

    def test_a_mandatory_session_does_not_become_plain(self) -> None:
        ours = negotiation(MANDATORY)
        _, agreement = answered(ours, offered(crypto(CM80)))
        with pytest.raises(SdpError):
            ours.receive_offer(offered(profile="RTP/AVP"))
        assert ours.agreement is agreement

    def test_a_refused_offer_changes_nothing(self) -> None:
        ours = negotiation(MANDATORY)
        first, agreement = answered(ours, offered(crypto(CM80)))
        ours.receive_offer(offered(crypto(GCM256, 4, 4)))
        ours.reject_offer()
        assert ours.agreement is agreement
        assert keys_in(ours.make_offer(OURS)) == keys_in(first)

    def test_an_answer_without_a_common_codec_changes_no_key(self) -> None:
        ours = negotiation(MANDATORY)
        first, _ = answered(ours, offered(crypto(CM80)))
        ours.receive_offer(offered(crypto(GCM256, 4, 4)))
        with pytest.raises(SdpError):
            ours.make_answer((KNOWN_CODECS["g722"],))
        ours.reject_offer()
        assert keys_in(ours.make_offer(OURS)) == keys_in(first)


def test_two_of_us_agree() -> None:
    for offering, answering in ((MANDATORY, OPTIONAL), (OPTIONAL, MANDATORY), (OPTIONAL, OPTIONAL), (OPTIONAL, OFF)):
        a, b = negotiation(offering, 1), negotiation(answering, 2)
        written, theirs = answered(b, a.make_offer(OURS))
        ours = a.receive_answer(written)
        assert (ours.keys is None) == (answering is OFF) == (theirs.keys is None)
        if ours.keys is not None and theirs.keys is not None:
            assert (ours.keys.receive, ours.keys.send) == (theirs.keys.send, theirs.keys.receive)


def test_keys_show_nowhere_but_in_the_body() -> None:
    ours = negotiation(MANDATORY)
    written, agreement = answered(ours, offered(crypto(GCM256)))
    assert agreement.keys is not None
    for material in agreement.keys:
        encoded = b64encode(material.key_salt).decode()
        shown = f"{agreement} {agreement!r} {keys_in(written)} {ours.offer} {agreement.keys}"
        assert encoded[:8] not in shown
        assert material.key_salt.hex()[:8] not in shown
        assert repr(material.key_salt)[2:-1][:8] not in shown
        assert "<hidden>" in shown
