/* What the page does by itself: record with a level meter, play sounds, keep looks. No network, no library.
   Gradio's own recorder is not used: it cannot say why there is no sound, changes the voice by default,
   loses the focus, and speaks the browser's language whatever the learner chose. */
(() => {
  const RATE = 16000, SILENT = 0.0005, SHORTEST = 0.4, SPOKEN = 0.02;
  const AS_IT_IS = { echoCancellation: false, autoGainControl: false, noiseSuppression: false };
  const WORKLET = `registerProcessor('take', class extends AudioWorkletProcessor {
    process(inputs) { if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice()); return true; } });`;
  let player = null, listening = false;

  function hush() {
    if (player) { player.pause(); player = null; }
    document.querySelectorAll('audio').forEach((one) => one.pause());
    if (window.speechSynthesis) speechSynthesis.cancel();
  }

  /* Whoever begins to speak is not talked over: a voice that comes late stays silent, and can be heard again.
     Only speaking along wants both. */
  const along = (one) => one.closest('#voice') && document.querySelector('#card [data-along]');
  document.addEventListener('play', (event) => {
    if ((listening && !along(event.target)) || event.target.closest('[data-exercise][hidden]')) event.target.pause();
  }, true);

  /* What was asked for beside one exercise and comes beside the next is neither seen nor heard. */
  function ownOnly() {
    for (const one of document.querySelectorAll('[data-exercise]')) {
      const other = one.dataset.exercise !== shown();
      if (one.hidden !== other) one.hidden = other;
      if (other && one.pause) { one.autoplay = false; one.pause(); }
    }
  }

  function play(address, after) {
    if (listening) return;
    hush();
    player = new Audio(address);
    player.onended = after || null;
    player.play().catch(() => {});
  }

  function playAll(box) {
    const rest = [...box.querySelectorAll('[data-sound]')].map((one) => one.dataset.sound);
    const next = () => { if (rest.length) play(rest.shift(), () => setTimeout(next, 300)); };
    next();
  }

  function wav(samples) {
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    text(0, 'RIFF'); view.setUint32(4, 36 + 2 * samples.length, true); text(8, 'WAVEfmt ');
    view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
    view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true);
    view.setUint16(32, 2, true); view.setUint16(34, 16, true);
    text(36, 'data'); view.setUint32(40, 2 * samples.length, true);
    samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, x)) * 32767, true));
    return new File([view], 'take.wav', { type: 'audio/wav' });
  }

  async function at16k(parts, rate) {
    const whole = new Float32Array(parts.reduce((n, one) => n + one.length, 0));
    parts.reduce((at, one) => { whole.set(one, at); return at + one.length; }, 0);
    if (rate === RATE || !whole.length) return whole;
    const offline = new OfflineAudioContext(1, Math.ceil(whole.length * RATE / rate), RATE);
    const source = offline.createBufferSource();
    source.buffer = offline.createBuffer(1, whole.length, rate);
    source.buffer.copyToChannel(whole, 0);
    source.connect(offline.destination);
    source.start();
    return (await offline.startRendering()).getChannelData(0);
  }

  /* The pauses that this speaker goes on after: a turn ends by itself only after a longer one. */
  const pauses = {
    get: () => JSON.parse(localStorage.getItem('speechtutor-pauses') || '[]'),
    add: (one) => localStorage.setItem('speechtutor-pauses', JSON.stringify([...pauses.get(), one].slice(-50))),
    end: () => {
      const known = pauses.get().sort((a, b) => a - b);
      const usual = known.length ? known[Math.floor(0.9 * (known.length - 1))] : 0.8;
      return Math.min(4, Math.max(1.2, 1.6 * usual));
    },
  };

  const REASONS = { NotAllowedError: 'denied', SecurityError: 'denied', NotFoundError: 'none',
    OverconstrainedError: 'none', NotReadableError: 'busy', AbortError: 'busy' };

  function recorder(element) {
    const root = () => element.querySelector('.st-recorder');
    const texts = () => JSON.parse(root().dataset.texts);
    let take = null, starting = false;

    function say(key, values) {
      const line = root().querySelector('.st-mic-line');
      line.textContent = (texts()[key] || '').replace('{device}', (values || {}).device || '');
      line.classList.toggle('st-problem', !['ready', 'recording', 'sending', 'starting', 'cancelled', 'checking'].includes(key));
    }

    function look() {
      const on = Boolean(take);
      const button = root().querySelector('.st-record');
      button.setAttribute('aria-pressed', String(on));
      button.querySelector('span').textContent = texts()[on ? 'stop' : root().dataset.label];
      root().classList.toggle('st-on', on);
      if (!on) root().style.setProperty('--level', 0);
    }

    function seconds() { return take ? take.n / take.rate : 0; }

    function hear(samples) {
      if (!take) return;
      take.parts.push(samples);
      take.n += samples.length;
      let power = 0;
      for (const x of samples) { power += x * x; take.peak = Math.max(take.peak, Math.abs(x)); }
      const loud = Math.sqrt(power / samples.length);
      take.level = Math.max(loud, 0.9 * take.level);
      root().style.setProperty('--level', Math.min(1, Math.max(0, 1 + Math.log10(take.level + 1e-6) / 3)).toFixed(2));
      const now = seconds();
      const clock = `${Math.floor(now / 60)}:${String(Math.floor(now) % 60).padStart(2, '0')}`;
      const shown = root().querySelector('.st-clock');
      if (shown.textContent !== clock) shown.textContent = clock;
      if (now > Number(root().dataset.limit)) { stop('limit'); return; }
      if (loud > SPOKEN) {
        if (take.last && now - take.last > 0.25) pauses.add(now - take.last);
        take.last = now;
      } else if (root().querySelector('.st-handsfree input')?.checked && take.last && now - take.last > pauses.end()) stop();
    }

    async function start() {
      if (starting) return;
      hush();
      if (!window.isSecureContext || !navigator.mediaDevices) { say('insecure'); return; }
      starting = true;
      untroubled();
      say('starting');
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
        const context = new (window.AudioContext || window.webkitAudioContext)();
        await context.resume();
        await context.audioWorklet.addModule(URL.createObjectURL(new Blob([WORKLET], { type: 'text/javascript' })));
        const node = new AudioWorkletNode(context, 'take');
        listening = true;
        take = { stream, context, node, parts: [], n: 0, peak: 0, level: 0, last: 0, rate: context.sampleRate };
        node.port.onmessage = (event) => hear(event.data);
        context.createMediaStreamSource(stream).connect(node);
        const track = stream.getAudioTracks()[0];
        take.device = track.label;
        track.onended = () => { if (take) { release(); say('lost'); look(); } };
        say(root().dataset.check ? 'checking' : 'recording');
        if (root().dataset.upload === 'mic-upload' && document.querySelector('#card [data-along]')) document.querySelector('#voice audio')?.play();
      } catch (error) {
        take = null;
        listening = false;
        say(REASONS[error.name] || 'unknown');
      }
      starting = false;
      look();
    }

    function release() {
      const made = take;
      take = null;
      listening = false;
      made.stream.getTracks().forEach((track) => { track.onended = null; track.stop(); });
      made.context.close();
      return made;
    }

    async function stop(why) {
      if (!take) return;
      const made = release();
      hush();
      look();
      if (made.n / made.rate < SHORTEST) { say('short'); return; }
      if (made.peak < SILENT) { say('silent', { device: made.device }); return; }
      say(why || 'sending');
      send(wav(await at16k(made.parts, made.rate)));
    }

    function send(file) {
      const own = document.getElementById(root().dataset.upload).previousElementSibling;
      kept = { again: () => send(file), before: answers() };
      untroubled();
      const box = new DataTransfer();
      box.items.add(file);
      own.files = box.files;
      own.dispatchEvent(new Event('change', { bubbles: true }));
      setTimeout(() => { if (!take) say('ready'); }, 1500);
    }

    element.addEventListener('click', (event) => {
      if (event.target.closest('.st-record')) { if (take) stop(); else start(); }
      if (event.target.closest('.st-cancel') && take) { release(); say('cancelled'); look(); }
    });
    element.addEventListener('st-toggle', () => { if (take) stop(); else start(); });
  }

  /* What fails between the page and the server gradio tells in a corner, in words for programmers, and lays
     "Error" over the card. Here it is told once, in the language of the page, and a take that did not arrive
     can be sent again: the exercise is the same as long as nothing was answered. */
  const STATUS = { 413: 'large', 429: 'quick', 503: 'full' };
  let kept = null;

  const answers = () => [shown(), ...['message', 'words', 'talk', 'talk-message', 'checked']
    .map((id) => document.querySelector(`#${id} .prose`)?.innerHTML || '')].join('|');

  function untroubled() { document.getElementById('st-trouble')?.remove(); }

  const reached = () => fetch(location.href, { method: 'HEAD', cache: 'no-store' }).then((got) => got.ok, () => false);

  async function trouble(toast) {
    toast.closest('.toast-item')?.setAttribute('hidden', '');
    const code = (toast.textContent.match(/HTTP (\d+)/) || [])[1];
    if (code || await reached()) { tell(STATUS[code]); return; }
    const told = tell('lost');
    while (told.isConnected && !(await reached())) await new Promise((done) => setTimeout(done, 1000));
    if (!told.isConnected) return;
    untroubled();
    if (undelivered()) tell();
  }

  const undelivered = () => kept && kept.before === answers();

  function tell(key) {
    const words = window.speechtutorWords[document.documentElement.lang] || window.speechtutorWords.en;
    const again = undelivered() && key !== 'large' && key !== 'lost' ? kept.again : null;
    const button = (text, act) => {
      const one = document.createElement('button');
      one.type = 'button';
      one.textContent = text;
      one.addEventListener('click', () => { untroubled(); if (act) act(); });
      return one;
    };
    untroubled();
    const box = document.createElement('div');
    box.id = 'st-trouble';
    box.setAttribute('role', 'alert');
    const line = document.createElement('p');
    line.textContent = words[key || (again ? 'undelivered' : 'failed')];
    box.append(line, ...(again ? [button(words.again, again)] : []), button(words.close));
    document.body.append(box);
    return box;
  }

  /* A sentence of a passage: its first word gets the focus, so that it is seen and can be opened. */
  function goTo(box, index) {
    const word = box.querySelector(`[data-word="${index}"]`);
    if (word) { word.scrollIntoView({ behavior: 'smooth', block: 'center' }); word.focus({ preventScroll: true }); }
  }

  /* Sounds in the page: a button with its own sound, or one whose word the server is to say. */
  document.addEventListener('click', (event) => {
    const sound = event.target.closest('[data-sound]');
    if (sound) play(sound.dataset.sound);
    const word = event.target.closest('[data-hear][data-browser]');
    if (word) speak(word.dataset.hear);
    const sentence = event.target.closest('[data-go]');
    if (sentence) goTo(sentence.closest('.block') || document, sentence.dataset.go);
  });
  /* A file that is chosen a second time is a take as well: browsers say nothing where the name has not changed. */
  document.addEventListener('click', (event) => {
    if (event.target.matches('input[type=file]')) event.target.value = '';
  }, true);
  new MutationObserver(() => {
    ownOnly();
    const box = document.querySelector('[data-autoplay]:not([data-played])');
    if (box) { box.dataset.played = 'yes'; if (!box.closest('[data-exercise][hidden]')) playAll(box); }
    const failed = document.querySelector('.toast-body.error:not([data-told])');
    if (failed) { failed.dataset.told = 'yes'; trouble(failed); }
    for (const id of ['message', 'advice', 'talk-message', 'talk-summary', 'checked', 'told']) {
      const one = document.getElementById(id);
      if (one && !one.getAttribute('aria-live')) one.setAttribute('aria-live', 'polite');
    }
    document.querySelectorAll('input[type=file]:not([accept])').forEach((one) => { one.accept = 'audio/*,video/*'; });
    document.querySelectorAll('input[type=file]:not([aria-label])').forEach((one) => {
      one.setAttribute('aria-hidden', 'true'); one.tabIndex = -1; one.setAttribute('aria-label', 'file'); });
  }).observe(document.documentElement, { childList: true, subtree: true });

  /* Alt and R records, whatever has the focus; a single letter would be in the way of typing. */
  document.addEventListener('keydown', (event) => {
    if (event.altKey && event.code === 'KeyR') {
      const seen = [...document.querySelectorAll('.st-recorder')].find((one) => one.offsetParent);
      if (seen) { event.preventDefault(); seen.dispatchEvent(new Event('st-toggle', { bubbles: true })); }
    }
  });

  function looks(wish) {
    const html = document.documentElement;
    html.lang = wish.lang || 'en';
    html.dataset.size = wish.size || 'normal';
    html.dataset.colours = wish.colours || 'automatic';
    const dark = wish.colours === 'dark' || ((wish.colours || 'automatic') === 'automatic' && matchMedia('(prefers-color-scheme: dark)').matches);
    document.body.classList.toggle('dark', dark);
    const app = document.querySelector('gradio-app');
    if (app) app.classList.toggle('dark', dark);
  }

  function hand(name, text) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = name;
    link.click();
  }

  function speak(text) { hush(); const one = new SpeechSynthesisUtterance(text); one.lang = 'en'; speechSynthesis.speak(one); }

  const voice = () => document.querySelector('#card [data-voice]')?.dataset.voice || '';
  const shown = () => document.querySelector('#card [data-id]')?.dataset.id || '';
  window.speechtutor = { recorder, looks, hand, speak, shown, voice, hush };
})();
