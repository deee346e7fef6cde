"""A software phone in a process of its own: pjsua2, told what to do and telling what happens in lines of JSON.

`python -m softswitch.demo.phone ADDRESS PORT LOGFILE [SRTP [CA]]` (port 0: any; SRTP: off, optional or mandatory; CA:
file with the authority of servers, which are reached over TLS then, and over nothing else). pjsua2 is GPL, has its own
threads and signal habits, and carries four calls at most: it never lives in the switch's process. Its sound device is a
clock that plays to nobody; its conference bridge runs at 8 kHz: G.711 passes without resampling.

Commands: `register` (registrar, user, password), `call` (uri), `ring`, `answer`, `play` (file), `record` (file),
`hold`, `resume`, `hangup`, `quit`. Events: see `Phone`.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import TYPE_CHECKING

import pjsua2

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCK_RATE = 8000
PTIME_MS = 20
SRTP = {
    "off": pjsua2.PJMEDIA_SRTP_DISABLED,
    "optional": pjsua2.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pjsua2.PJMEDIA_SRTP_MANDATORY,
}
CODECS = {"PCMA/8000": 255, "PCMU/8000": 254}


EVENTS = os.fdopen(os.dup(1), "w", buffering=1)
"""What was standard output. pjsua2 writes where it likes before its log is open: that goes to standard error now."""
os.dup2(2, 1)


def say(event: str, **facts: str | int) -> None:
    """Tell the parent process one event."""
    EVENTS.write(json.dumps({"event": event, **facts}) + "\n")


class Player(pjsua2.AudioMediaPlayer):  # type: ignore[misc]  # pjsua2 has no types
    """Plays one file once."""

    def onEof2(self) -> None:
        """All of it went out."""
        say("played")


class PhoneCall(pjsua2.Call):  # type: ignore[misc]
    """The one call of this phone."""

    def onCallState(self, prm: object) -> None:
        """Tell how far it got."""
        info = self.getInfo()
        state: int = info.state
        match state:
            case pjsua2.PJSIP_INV_STATE_EARLY:
                say("ringing", status=info.lastStatusCode)
            case pjsua2.PJSIP_INV_STATE_CONFIRMED:
                say("answered")
            case pjsua2.PJSIP_INV_STATE_DISCONNECTED:
                say("ended", status=info.lastStatusCode, reason=info.lastReason)
            case _:
                pass

    def onCallTransferStatus(self, prm: pjsua2.OnCallTransferStatusParam) -> None:
        """Tell how a transfer goes that we asked for."""
        say("transferred" if prm.finalNotify else "transferring", status=prm.statusCode)

    def onDtmfDigit(self, prm: pjsua2.OnDtmfDigitParam) -> None:
        """Tell a key the far end has pressed."""
        info = prm.method == pjsua2.PJSUA_DTMF_METHOD_SIP_INFO
        say("key", digit=prm.digit, by="info" if info else "rfc4733", duration=prm.duration)

    def onCallMediaState(self, prm: object) -> None:
        """Tell when audio flows, and whether it is held."""
        info = self.getInfo()  # it owns what it lists
        for media in info.media:
            if media.type == pjsua2.PJMEDIA_TYPE_AUDIO:
                states = {
                    pjsua2.PJSUA_CALL_MEDIA_ACTIVE: "media",
                    pjsua2.PJSUA_CALL_MEDIA_LOCAL_HOLD: "holding",
                    pjsua2.PJSUA_CALL_MEDIA_REMOTE_HOLD: "held",
                }
                if media.status in states:
                    say(states[media.status])


class Account(pjsua2.Account):  # type: ignore[misc]
    """Who the phone is."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self._phone = phone

    def onRegState(self, prm: pjsua2.OnRegStateParam) -> None:
        """Tell how registering went."""
        say("registered", status=prm.code)

    def onIncomingCall(self, prm: pjsua2.OnIncomingCallParam) -> None:
        """Keep the call and tell of it; the parent decides."""
        self._phone.call = PhoneCall(self, prm.callId)
        say("incoming", caller=self._phone.call.getInfo().remoteUri)


class Phone:
    """One endpoint, one account, one call; a second one while it consults somebody about the first.

    Tells `ready` (port), `registered` (status), `incoming` (caller), `ringing` (status), `answered`, `media`,
    `holding`, `held`, `played`, `recording`, `transferring` and `transferred` (status), `ended` (status, reason),
    `failed` (reason).
    """

    def __init__(self, address: str, port: int, log: str, srtp: str = "off", ca: str = "") -> None:
        self._address = address
        self._ca = ca
        self._srtp = SRTP[srtp]
        self.call: PhoneCall | None = None
        self._first: PhoneCall | None = None
        """The call that waits while we consult."""
        self._player: Player | None = None
        self._recorder: pjsua2.AudioMediaRecorder | None = None
        self._commands: dict[str, Callable[..., None]] = {
            "register": self._register, "call": self._call, "ring": self._ring, "answer": self._answer,
            "play": self._play, "record": self._record, "hold": self._hold, "resume": self._resume,
            "hangup": self._hangup, "press": self._press, "transfer": self._transfer, "consult": self._consult,
            "join": self._join,
        }  # fmt: skip
        self._endpoint = pjsua2.Endpoint()
        self._endpoint.libCreate()
        self._endpoint.libInit(self._settings(log))
        self._endpoint.audDevManager().setNullDev()
        for codec in self._endpoint.codecEnum2():
            self._endpoint.codecSetPriority(codec.codecId, CODECS.get(codec.codecId.rpartition("/")[0], 0))
        transport = pjsua2.TransportConfig()
        transport.boundAddress = address
        transport.port = port
        transport.tlsConfig.CaListFile = ca
        transport.tlsConfig.verifyServer = True
        kind = pjsua2.PJSIP_TRANSPORT_TLS if ca else pjsua2.PJSIP_TRANSPORT_UDP
        transport_id = self._endpoint.transportCreate(kind, transport)
        self._endpoint.libStart()
        self._account = Account(self)
        where = self._endpoint.transportGetInfo(transport_id).localName  # "127.0.0.2:41234"
        self._account.create(self._identity(f"sip:phone@{where}{';transport=tls' if ca else ''}"))
        say("ready", port=int(where.rpartition(":")[2]))

    def run(self) -> None:
        """Obey until told to quit, or until the parent is gone."""
        pending = ""
        while True:
            self._endpoint.libHandleEvents(5)
            if not select.select([sys.stdin], [], [], 0)[0]:
                continue
            chunk = os.read(sys.stdin.fileno(), 65536)
            if not chunk:
                break
            *lines, pending = (pending + chunk.decode()).split("\n")
            if any(self._obey(json.loads(line)) for line in lines):
                break
        self._hangup()
        self._player = self._recorder = self.call = self._first = None
        self._endpoint.libDestroy()

    def _obey(self, command: dict[str, str]) -> bool:
        """Do one thing; return whether that was to quit."""
        name = command.pop("do")
        if name == "quit":
            return True
        try:
            self._commands[name](**command)
        except pjsua2.Error as error:
            say("failed", reason=f"{name}: {error.info()}")
        return False

    @staticmethod
    def _settings(log: str) -> pjsua2.EpConfig:
        settings = pjsua2.EpConfig()
        settings.uaConfig.threadCnt = 0  # callbacks run inside libHandleEvents()
        settings.uaConfig.mainThreadOnly = True
        settings.uaConfig.userAgent = "softswitch-demo-phone"
        settings.logConfig.filename = log
        settings.logConfig.level = 4
        settings.logConfig.consoleLevel = 0
        settings.medConfig.clockRate = settings.medConfig.sndClockRate = CLOCK_RATE
        settings.medConfig.audioFramePtime = settings.medConfig.ptime = PTIME_MS
        settings.medConfig.noVad = True
        settings.medConfig.ecTailLen = 0
        return settings

    def _identity(self, uri: str) -> pjsua2.AccountConfig:
        identity = pjsua2.AccountConfig()
        identity.idUri = uri
        identity.mediaConfig.transportConfig.boundAddress = self._address
        identity.mediaConfig.srtpUse = self._srtp
        identity.mediaConfig.srtpSecureSignaling = int(bool(self._ca))  # with keys in SDP over UDP, too
        identity.callConfig.timerUse = pjsua2.PJSUA_SIP_TIMER_INACTIVE
        return identity

    def _register(self, registrar: str, user: str, password: str) -> None:
        identity = self._identity(f"sip:{user}@{registrar.removeprefix('sip:')}")
        identity.regConfig.registrarUri = registrar
        identity.sipConfig.authCreds.append(pjsua2.AuthCredInfo("digest", "*", user, 0, password))
        self._account.modify(identity)

    def _call(self, uri: str) -> None:
        self.call = PhoneCall(self._account)
        self.call.makeCall(uri, pjsua2.CallOpParam(True))

    def _ring(self) -> None:
        self._respond(180)

    def _answer(self) -> None:
        self._respond(200)

    def _respond(self, status: int) -> None:
        if self.call is not None:
            answer = pjsua2.CallOpParam()
            answer.statusCode = status
            self.call.answer(answer)

    def _play(self, file: str) -> None:
        if self.call is not None:
            self._player = Player()
            self._player.createPlayer(file, pjsua2.PJMEDIA_FILE_NO_LOOP)
            self._player.startTransmit(self.call.getAudioMedia(-1))

    def _record(self, file: str) -> None:
        """Write what is heard from now on, until the call ends."""
        if self.call is not None:
            self._recorder = pjsua2.AudioMediaRecorder()
            self._recorder.createRecorder(file)
            self.call.getAudioMedia(-1).startTransmit(self._recorder)
            say("recording")

    def _press(self, digits: str, by: str = "rfc4733") -> None:
        """Press keys, one after the other."""
        if self.call is None:
            return
        if by == "info":
            keys = pjsua2.CallSendDtmfParam()
            keys.method = pjsua2.PJSUA_DTMF_METHOD_SIP_INFO
            keys.digits = digits
            self.call.sendDtmf(keys)
        else:
            self.call.dialDtmf(digits)

    def _hold(self) -> None:
        if self.call is not None:
            self.call.setHold(pjsua2.CallOpParam(True))

    def _resume(self) -> None:
        if self.call is not None:
            resume = pjsua2.CallOpParam(True)
            resume.opt.flag = pjsua2.PJSUA_CALL_UNHOLD
            self.call.reinvite(resume)

    def _transfer(self, uri: str) -> None:
        """Hand the far end over to somebody else, unannounced."""
        if self.call is not None:
            self.call.xfer(uri, pjsua2.CallOpParam(True))

    def _consult(self, uri: str) -> None:
        """Call somebody else, and keep the call there is."""
        self._first = self.call
        self._call(uri)

    def _join(self) -> None:
        """Let the two we talk to talk to each other."""
        if self._first is not None and self.call is not None:
            self._first.xferReplaces(self.call, pjsua2.CallOpParam(True))

    def _hangup(self) -> None:
        if self.call is not None and self.call.isActive():
            self.call.hangup(pjsua2.CallOpParam(True))


if __name__ == "__main__":
    Phone(sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]).run()
