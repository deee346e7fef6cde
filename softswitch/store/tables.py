"""The tables: one row per call, one per leg. Portable types only, so that SQLite and PostgreSQL hold the same."""

from __future__ import annotations

from sqlalchemy import REAL, Column, Double, ForeignKey, Index, Integer, MetaData, SmallInteger, String, Table

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

calls = Table(
    "calls",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("node", String(64), nullable=False),
    Column("source", String(128), nullable=False),
    Column("caller", String(256), nullable=False),
    Column("called", String(256), nullable=False),
    Column("called_canonical", String(256)),
    Column("route", String(128)),
    Column("destination", String(128)),
    Column("trunk", String(128)),
    # Unix seconds; double precision keeps a tenth of a microsecond.
    Column("started_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double, nullable=False),
    Column("ringing_seconds", Double),
    Column("setup_seconds", Double),
    Column("duration_seconds", Double, nullable=False),
    Column("talk_seconds", Double, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("sip_status", SmallInteger, nullable=False),
    Column("q850_cause", SmallInteger),
    Column("hung_up_by", String(16), nullable=False),
    Column("codec", String(32)),
    Column("mos_mean", REAL),
    Column("mos_worst", REAL),
    Column("mos_cqew_mean", REAL),
    Column("mos_cqew_worst", REAL),
    Column("mos_cqef_mean", REAL),
    Column("mos_cqef_worst", REAL),
    Column("blame", String(16)),
    Column("blame_because", String(128)),
    Column("recording", String(1024)),
    Index(None, "started_at"),
    Index(None, "caller", "started_at"),
    Index(None, "called", "started_at"),
)

_HEARD = (
    ("mos_mean", REAL),
    ("mos_worst", REAL),
    ("packets", Integer),
    ("lost", Integer),
    ("discarded", Integer),
    ("jitter_ms", REAL),
    ("codec", String(32)),
    ("mos_scale", String(8)),
    ("mos_lq", REAL),
    ("mos_ceiling", REAL),
    ("degradation_codec", REAL),
    ("degradation_loss", REAL),
    ("degradation_discard", REAL),
    ("degradation_delay", REAL),
    ("grounding", String(16)),
    ("burst_ratio", REAL),
    ("delay_ms", REAL),
    ("delay_source", String(8)),
    ("reason", String(256)),
)

legs = Table(
    "legs",
    metadata,
    Column("leg_id", String(64), primary_key=True),
    Column("call_id", String(64), ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("endpoint", String(128), nullable=False),
    Column("remote_uri", String(512), nullable=False),
    Column("sip_call_id", String(256), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double, nullable=False),
    Column("ringing_seconds", Double),
    Column("setup_seconds", Double),
    Column("talk_seconds", Double, nullable=False),
    Column("sip_status", SmallInteger, nullable=False),
    Column("q850_cause", SmallInteger),
    Column("hung_up_by", String(16), nullable=False),
    Column("codec", String(32)),
    Column("remote_media", String(64)),
    Column("rtt_ms", REAL),
    *(Column(f"from_party_{name}", kind) for name, kind in _HEARD),
    *(Column(f"to_party_{name}", kind) for name, kind in _HEARD),
    Column("times_weak", Integer),
    Column("times_unhealthy", Integer),
    Column("recording", String(1024)),
    Index(None, "call_id"),
    Index(None, "sip_call_id"),
)
