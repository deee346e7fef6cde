// A phone for tests: JsSIP without a face. What happens to it is kept in `phone.told`, what it hears in `phone.heard`.
const PLAIN_MICROPHONE = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const phone = {
  told: [],
  heard: [],
  rate: 0,
  session: null,
  sessions: [],

  tell(what, more = {}) {
    this.told.push({ what, at: performance.now(), ...more });
  },

  async signIn(user, password) {
    const body = JSON.stringify({ user, password });
    const answer = await fetch('/api/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    this.start(await answer.json());
  },

  start({ uri, token, websocket }) {
    const socket = new JsSIP.WebSocketInterface(websocket);
    this.ua = new JsSIP.UA({
      sockets: [socket],
      uri,
      authorization_jwt: `Bearer ${token}`,
      register: true,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 2,
    });
    for (const name of ['connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed'])
      this.ua.on(name, (event) => this.tell(name, { cause: event && event.cause }));
    this.ua.on('newRTCSession', ({ originator, session }) => this.take(originator, session));
    this.ua.start();
  },

  take(originator, session) {
    this.session = session;
    this.sessions.push(session);
    for (const name of ['sending', 'progress', 'accepted', 'confirmed', 'hold', 'unhold', 'reinvite'])
      session.on(name, (event) => this.tell(name, { originator: event && event.originator }));
    for (const name of ['ended', 'failed'])
      session.on(name, ({ originator, cause, message }) =>
        this.tell(name, { originator, cause, status: (message && message.status_code) || 0 }));
    session.on('newDTMF', ({ originator, dtmf }) => this.tell('digit', { originator, tone: dtmf.tone }));
    session.on('newInfo', ({ originator, info }) =>
      this.tell('info', { originator, type: info.contentType, body: info.body }));
    session.on('refer', (event) => this.tell('refer', { to: String(event.request.refer_to) }));
    if (session.connection) this.watch(session.connection);
    else session.on('peerconnection', ({ peerconnection }) => this.watch(peerconnection));
    this.tell('session', { originator });
  },

  watch(connection) {
    this.connection = connection;
    connection.addEventListener('iceconnectionstatechange', () =>
      this.tell(`ice ${connection.iceConnectionState}`));
    connection.addEventListener('connectionstatechange', () => this.tell(connection.connectionState));
    connection.addEventListener('track', ({ track }) => {
      if (track.kind !== 'audio') return;
      track.addEventListener('unmute', () => this.tell('audio'), { once: true });
      const element = document.createElement('audio');
      element.srcObject = new MediaStream([track]);
      element.play();
      this.listen(track);
    });
  },

  async listen(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      this.rate = value.sampleRate;
      value.close();
      this.heard.push(samples);
    }
  },

  async microphone() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN_MICROPHONE });
    this.opened = performance.now();
    return stream;
  },

  async call(target, more = {}) {
    const mediaStream = await this.microphone();
    this.ua.call(target, { mediaStream, pcConfig: { iceServers: [] }, ...more });
  },

  async answer(more = {}) {
    const mediaStream = await this.microphone();
    this.session.answer({ mediaStream, pcConfig: { iceServers: [] }, ...more });
  },

  // A digit as an event in the RTP stream (RFC 4733).
  press(digit) {
    this.session.sendDTMF(digit, { transportType: 'RFC2833' });
  },

  hold(on) {
    return on ? this.session.hold() : this.session.unhold();
  },

  transfer(target) {
    this.session.refer(target);
  },

  // Whom the first call is with is to talk to whom the second one is with (RFC 3891).
  join(target) {
    const [first, second] = this.sessions;
    first.refer(target, { replaces: second });
  },

  // As when the network goes away under the WebSocket.
  drop() {
    this.ua._transport.socket._ws.close();
  },

  hangup() {
    this.session.terminate();
  },

  // What was heard since the last time, as 16 bit PCM in base64.
  sound() {
    const parts = this.heard.splice(0);
    const pcm = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts)
      for (const sample of part) pcm[at++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    const octets = new Uint8Array(pcm.buffer);
    let text = '';
    for (let i = 0; i < octets.length; i += 32768)
      text += String.fromCharCode.apply(null, octets.subarray(i, i + 32768));
    return { rate: this.rate, pcm: btoa(text) };
  },

  async stats() {
    const found = {};
    for (const report of (await this.connection.getStats()).values())
      if (report.kind === 'audio' || report.type === 'transport' || report.type === 'codec')
        found[report.type] = { ...found[report.type], ...report };
    return found;
  },
};
