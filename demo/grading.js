/* The graders' sheet: what is clicked or typed stays in the page until it is saved; then it is sent as a whole.
   Nothing here knows what the machine said: before the first save the page does not hold it. */
(() => {
  let element = null, trigger = null, at = 's', version = null;

  const sheet = () => element && element.querySelector('.gr');
  const all = (what) => [...element.querySelectorAll(what)];
  const target = (place) => element.querySelector(`.gr-target[data-at="${place}"]`);
  const number = (value) => (value === '' ? null : Number(value));

  function mark() {
    const one = target(at), grade = one.dataset.grade;
    all('.gr-target').forEach((other) => other.setAttribute('aria-pressed', String(other === one)));
    all('.gr-scale').forEach((scale) => { scale.hidden = scale.dataset.unit !== one.dataset.unit; });
    const word = /^[wp](\d+)/.exec(at);
    all('.gr-sounds').forEach((row) => { row.hidden = !word || row.dataset.of !== word[1]; });
    const scale = element.querySelector(`.gr-scale[data-unit="${one.dataset.unit}"]`);
    scale.querySelector('.gr-asked').textContent =
      `${sheet().dataset.chosen} ${one.querySelector('.gr-name').textContent}`;
    scale.querySelectorAll('.gr-digit').forEach((digit) =>
      digit.setAttribute('aria-pressed', String(grade !== '' && digit.dataset.digit === grade)));
    scale.querySelectorAll('li').forEach((band) => band.classList.toggle('gr-on',
      grade !== '' && Number(band.dataset.low) <= Number(grade) && Number(grade) <= Number(band.dataset.high)));
  }

  function choose(place, focus = true) {
    if (!target(place)) return false;
    at = place;
    mark();
    if (focus) target(place).focus();
    return true;
  }

  function give(value) {
    const one = target(at);
    one.dataset.grade = value;
    one.querySelector('.gr-grade').textContent = value === '' ? '–' : value;
    sheet().dataset.changed = '1';
    mark();
  }

  function type(digit) {
    const one = target(at), ten = one.dataset.unit !== 'sound' && digit === '0' && one.dataset.grade === '1';
    if (ten) give('10');
    else if (one.dataset.unit !== 'sound' || Number(digit) <= 2) give(digit);
  }

  function beside(step) {
    const sound = /^p(\d+)\.(\d+)$/.exec(at);
    if (sound) return choose(`p${sound[1]}.${Number(sound[2]) + step}`);
    const word = at === 's' ? 0 : Number(at.slice(1));
    return choose(word + step === 0 ? 's' : `w${word + step}`);
  }

  function down() {
    if (at === 's') choose('w1');
    else if (at[0] === 'w') choose(`p${at.slice(1)}.1`);
  }

  function up() {
    const sound = /^p(\d+)/.exec(at);
    choose(sound ? `w${sound[1]}` : 's');
  }

  function enter() {
    if (beside(1)) return;
    const sound = /^p(\d+)/.exec(at);
    if (!sound || !choose(`w${Number(sound[1]) + 1}`)) element.querySelector('[data-save]').focus();
  }

  function collected() {
    const of = (what) => all(what).map((one) => number(one.dataset.grade));
    const words = all('.gr-target[data-unit=word]');
    return {
      sentence: number(target('s').dataset.grade),
      words: words.map((one) => number(one.dataset.grade)),
      sounds: words.map((_, i) => of(`.gr-target[data-at^="p${i + 1}."]`)),
      note: element.querySelector('[data-note]').value,
    };
  }

  const leaves = () => !sheet().dataset.changed || window.confirm(sheet().dataset.unsaved);

  function clicked(event) {
    const one = event.target.closest('button');
    if (!one || !sheet()) return;
    const id = sheet().dataset.id;
    if (one.dataset.at) choose(one.dataset.at, false);
    else if (one.dataset.digit !== undefined) give(one.dataset.digit);
    else if ('save' in one.dataset) trigger('click', { id, save: collected() });
    else if ('skip' in one.dataset) {
      if (leaves()) trigger('click', { id, skip: element.querySelector('[data-reason]').value });
    } else if (one.dataset.go && leaves()) trigger('click', { id, go: one.dataset.go });
  }

  function pressed(event) {
    if (!sheet() || !element.offsetParent || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, audio, [role=tab]')) return;
    const keys = { ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), ArrowDown: down, ArrowUp: up,
      Backspace: () => give(''), '.': play };
    if (/^[0-9]$/.test(event.key)) type(event.key);
    else if (keys[event.key]) keys[event.key]();
    else if (event.key === 'Enter' && !event.target.closest('[data-save], [data-skip], [data-go]')
      && (event.target === document.body || event.target.closest('.gr'))) enter();
    else return;
    event.preventDefault();
  }

  function play() {
    const clip = document.querySelector('.gr-clip audio');
    if (clip) { clip.currentTime = 0; clip.play().catch(() => {}); }
  }

  /* Another sheet has come, or the same one after a save; its elements may be those of before, so that the
     version tells. Before a grade the keys begin at the sentence, after it at the way on. */
  function begun() {
    if (!sheet() || sheet().dataset.version === version) return;
    version = sheet().dataset.version;
    delete sheet().dataset.changed;
    element.querySelector('[data-note]').value = element.querySelector('[data-note]').getAttribute('value');
    choose('s', false);
    if (!document.activeElement.closest('input, textarea, select, [role=tab]'))
      element.querySelector('graded' in sheet().dataset ? '[data-go=open]' : '.gr-target').focus({ preventScroll: true });
    sheet().dataset.begun = version;
  }

  function noted(event) {
    if (event.target.matches('[data-note]')) sheet().dataset.changed = '1';
  }

  function start(where, tell) {
    element = where;
    trigger = tell;
    element.addEventListener('click', clicked);
    element.addEventListener('input', noted);
    document.addEventListener('keydown', pressed);
    new MutationObserver(begun).observe(element,
      { childList: true, subtree: true, attributeFilter: ['data-version'] });
    begun();
  }

  /* A file that the page made: "name;kind;base64". */
  function hand(text) {
    if (!text) return;
    const [name, kind, data] = text.split(';');
    const link = document.createElement('a');
    link.href = `data:${kind};base64,${data}`;
    link.download = name;
    link.click();
  }

  window.speechtutorGrading = { start, hand };
})();
