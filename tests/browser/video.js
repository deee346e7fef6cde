// What phone.js has not: a camera, a screen to share, and eyes. `phone.seen` has a checksum of each picture shown.
const audioOnly = phone.watch;

Object.assign(phone, {
  seen: [],
  size: '',

  async microphone() {
    return navigator.mediaDevices.getUserMedia({ audio: PLAIN_MICROPHONE, video: this.camera || false });
  },

  async withCamera(verb, ...given) {
    this.camera = { width: 320, height: 240, frameRate: 15 };
    await this[verb](...given);
  },

  watch(connection) {
    audioOnly.call(this, connection);
    if (this.codec) this.prefer(connection, this.codec);
    connection.addEventListener('track', ({ track }) => track.kind === 'video' && this.look(track));
  },

  // Offers and answers say this codec alone, and what repairs it.
  prefer(connection, codec) {
    const chosen = RTCRtpReceiver.getCapabilities('video').codecs.filter(
      ({ mimeType }) => mimeType === codec || mimeType === 'video/rtx');
    for (const make of ['createOffer', 'createAnswer']) {
      const plain = connection[make].bind(connection);
      connection[make] = (...given) => {
        for (const each of connection.getTransceivers())
          if (each.receiver.track.kind === 'video') each.setCodecPreferences(chosen);
        return plain(...given);
      };
    }
  },

  async receivedCodec() {
    const report = await this.connection.getStats();
    for (const each of report.values())
      if (each.type === 'inbound-rtp' && each.kind === 'video') return report.get(each.codecId).mimeType;
    return '';
  },

  look(track) {
    const element = document.createElement('video');
    element.muted = true;
    element.srcObject = new MediaStream([track]);
    document.body.append(element);
    element.play();
    const canvas = new OffscreenCanvas(32, 24);
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    const next = () => {
      pen.drawImage(element, 0, 0, 32, 24);
      const sum = pen.getImageData(0, 0, 32, 24).data.reduce((total, value, at) => (total * 31 + value * at) % 65521, 7);
      this.size = `${element.videoWidth}x${element.videoHeight}`;
      if (sum !== this.seen.at(-1)) this.seen.push(sum);
      element.requestVideoFrameCallback(next);
    };
    element.requestVideoFrameCallback(next);
  },

  renegotiate() {
    return new Promise((done, failed) => {
      if (!this.session.renegotiate({}, done)) failed(new Error('not now'));
    });
  },

  // Something to see is added, or takes the place of what was shown.
  async show(kind) {
    const found =
      kind === 'screen'
        ? await navigator.mediaDevices.getDisplayMedia({ video: true })
        : await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240, frameRate: 15 } });
    const [track] = found.getVideoTracks();
    const sender = this.connection.getSenders().find((each) => each.track && each.track.kind === 'video');
    if (sender) return sender.replaceTrack(track);
    this.connection.addTrack(track, found);
    return this.renegotiate();
  },

  async hide() {
    const transceiver = this.connection.getTransceivers().find((each) => each.sender.track?.kind === 'video');
    transceiver.sender.track.stop();
    this.connection.removeTrack(transceiver.sender);
    return this.renegotiate();
  },

  async videoStats(kind) {
    for (const report of (await this.connection.getStats()).values())
      if (report.type === kind && report.kind === 'video') return report;
    return {};
  },
});
