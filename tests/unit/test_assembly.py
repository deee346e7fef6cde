"""From configuration sections to what the parts are made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from media.quality.codecs import CodecImpairment, Mode, codec_impairment
from media.quality.emodel import WIDEBAND
from media.quality.watch import HEALTHY
from softswitch import assembly, parties
from softswitch.transport.listener import Listener
from tests.support.config_files import ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path

    from config.load import Settings

PHONES = """
    phones:
      realm: {realm}
      allow_from: [127.0.0.0/8]
      users:
        1001: {{password: {{env: PHONE_PASSWORD}}, display_name: Desk, caller_id: "+49 30/1"}}
        1002: {{password: {{env: PHONE_PASSWORD}}}}
"""


def settings(folder: Path, config: str, dialplan: str = "") -> Settings:
    """What this configuration says."""
    return ConfigFolder.make(folder, config, dialplan).load()


def test_listeners_carry_the_nodes_advertised_address(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        node: {advertised_address: 203.0.113.5}
        sip: {listen: [{transport: udp, address: 0.0.0.0, port: 5060}, {transport: tcp, address: "::", port: 5062}]}
        """,
    )
    assert assembly.listeners(found) == [
        Listener("UDP", "0.0.0.0", 5060, "203.0.113.5"),
        Listener("TCP", "::", 5062, "203.0.113.5"),
    ]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("media: {address: 0.0.0.0}", ""),
        ('media: {address: "::"}', ""),
        ("media: {address: 192.0.2.1}", "192.0.2.1"),
        ("media: {address: 192.0.2.1, advertised_address: 203.0.113.5}", "203.0.113.5"),
        ("{media: {address: 192.0.2.1}, node: {advertised_address: 203.0.113.6}}", "203.0.113.6"),
        (
            "{media: {address: 192.0.2.1, advertised_address: 203.0.113.5}, node: {advertised_address: 203.0.113.6}}",
            "203.0.113.5",
        ),
    ],
)
def test_the_address_in_sdp(config: str, told: str, tmp_path: Path) -> None:
    assert assembly.media_address(settings(tmp_path, config)) == told


def test_media_settings(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        media:
          {address: 192.0.2.1, ports: {first: 30000, last: 30099}, workers: 2, timeout: 90s, latch_window: 3s,
           priority: 0}
        """,
    )
    media = assembly.media(found)
    assert (media.address, media.port_first, media.port_last, media.workers) == ("192.0.2.1", 30000, 30099, 2)
    assert (media.media_timeout, media.latch_window, media.priority) == (90.0, 3.0, 0)


@pytest.mark.parametrize(("config", "kbit", "told"), [("", 12_000, None), ("webrtc: {video_kbit: 2000}", 3000, 2000)])
def test_what_browsers_send_of_video_is_bounded_with_room_for_bursts(
    tmp_path: Path, config: str, kbit: int, told: int | None
) -> None:
    found = settings(tmp_path, config)
    assert assembly.media(found).video_kbit == kbit
    assert parties.web_terms(found).video_kbit == told


@pytest.mark.parametrize(
    ("steps", "records"),
    [
        ("[answer]", False),
        ("[{record: {enabled: true}}, answer]", True),
        ("[{record: {enabled: false}}, answer]", False),
        ("[{dial: {phone: 1001, record: true}}]", True),
        ("[{dial: {phone: 1001, record: false}}]", False),
        ("[{dial: {phone: 1001}}]", False),
    ],
)
def test_whether_some_rule_records(steps: str, records: bool, tmp_path: Path) -> None:
    folder = ConfigFolder.make(
        tmp_path,
        PHONES.format(realm="x"),
        f"""
        timezone: UTC
        routes:
          - name: only
            do: {steps}
        """,
    )
    assert assembly.records(folder.provision().dialplan) is records


def test_prompts_are_named_once(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    folder = ConfigFolder.make(
        tmp_path,
        PHONES.format(realm="x"),
        """
        timezone: UTC
        routes:
          - name: one
            when: {called: "1"}
            do: [{play: {file: a.wav}}, {play: {file: a.wav, repeat: true}}]
          - name: two
            do: [{play: {file: a.wav}}]
        """,
    )
    assert assembly.prompt_files(folder.provision().dialplan, []) == [str(tmp_path / "prompts" / "a.wav")]


def test_an_operators_values_for_codecs_and_limits(tmp_path: Path) -> None:
    found = assembly.media(
        settings(
            tmp_path,
            """
            quality:
              weak_below: 3.8
              good_from: 3.9
              loss_limit: 2
              latency_limit: 200ms
              codecs:
                G722: {scale: wideband, ie: 13, bpl: 4.3, look_ahead: 1.5ms, source: own listening test}
                opus/16000: {scale: wideband, ie: 18, bpl: 17}
            """,
        )
    )
    limits = found.thresholds
    assert (limits.weak_below, limits.good_from, limits.loss_percent, limits.one_way_ms) == (3.8, 3.9, 2.0, 200.0)
    g722 = found.codec_factors.find("g722", plc=True)
    assert g722 == CodecImpairment(13.0, 4.3, 1.5, "assumed", "own listening test", WIDEBAND)
    opus = found.codec_factors.find("opus", plc=True, mode=Mode(16000, 30.0))
    assert isinstance(opus, CodecImpairment)
    assert (opus.source, opus.grounding) == ("quality.codecs.opus/16000", "assumed")
    wider = Mode(48000, 30.0)
    assert found.codec_factors.find("opus", plc=True, mode=wider) == codec_impairment("opus", plc=True, mode=wider)


def test_nothing_said_leaves_the_published_values_and_limits(tmp_path: Path) -> None:
    found = assembly.media(settings(tmp_path, ""))
    assert found.thresholds == HEALTHY
    assert found.codec_factors.find("PCMA", plc=True) == codec_impairment("PCMA", plc=True)
