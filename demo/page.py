"""How the page looks and what it does by itself: its styles, its script, its theme."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from demo import recorder, serving
from speechtutor.content.tables import catalogue, languages
from speechtutor.views import homework, melody, mouth, practice, progress, sentences, sound
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view
from speechtutor.views.grammar import CSS as GRAMMAR_CSS

GLOBAL = """
.gradio-container{max-width:780px!important;width:100%!important;margin:0 auto!important;
 padding:.6rem!important}
.gradio-container main{width:100%!important;max-width:780px!important}
.gradio-container .form{gap:.1rem 1rem!important;background:none!important;overflow:visible!important}
.gradio-container .form>.block.padded{padding:.3rem 0!important;background:none!important;
 overflow:visible!important}
.gradio-container .row:has(>button){align-items:stretch}
.gradio-container .row:has(>button):has(>.form){align-items:flex-end}
.gradio-container .wrap:has(>.wrap-inner){border:1px solid #71717a!important}
.dark .gradio-container .wrap:has(>.wrap-inner),.gradio-container.dark .wrap:has(>.wrap-inner){
 border-color:#a1a1aa!important}
.gradio-container .wrap-inner{padding:.35rem .4rem!important}
.gradio-container .tab-wrapper{margin-bottom:.5rem!important}
@media(max-width:480px){.gradio-container{padding:.2rem!important}
 .gradio-container .fillable.app{padding:.2rem .6rem!important}
 .gradio-container .column{gap:.6rem!important}
 .gradio-container .st-tagline{display:none}
 .gradio-container .row{gap:.6rem!important}
 .gradio-container .st-card{min-height:0}}
html[data-size=large]{font-size:118%}
html[data-size=larger]{font-size:140%}
html[data-colours=contrast] .gradio-container{--body-text-color:#000;--background-fill-primary:#fff;
 --body-background-fill:#fff}
html[data-colours=contrast] .gradio-container *{border-color:#000!important}
.dark .st-pitch .dots{fill:#56b4e9!important}
.dark .st-pitch .model{stroke:#f0a04b!important}
.dark .st-lately path{stroke:#56b4e9!important}
.dark .st-lately circle{fill:#56b4e9!important}
.dark [role=tab].selected{color:#8ecdf5!important}
footer{display:none!important}
.gradio-container [data-exercise][hidden]{display:none!important}
.gradio-container:has(#card [data-silent]) :is(#mic,#mic-upload){display:none!important}
.gradio-container .tabitem:has(#talk):not(:has(.st-line)) :is(#talk-mic,#talk-mic-upload,#talk-acts){
 display:none!important}
.gradio-container .wrap:has(>.error),.toast-item[hidden]{display:none!important}
#st-trouble{position:fixed;left:50%;transform:translateX(-50%);bottom:.8rem;z-index:9999;display:flex;
 flex-wrap:wrap;gap:.4rem .8rem;align-items:center;width:min(46rem,calc(100vw - 1.6rem));
 box-sizing:border-box;padding:.6rem .9rem;border-left:5px solid #d55e00;border-radius:.3rem;
 background:#fbe4d8;color:#5c2700;box-shadow:0 2px 12px #0006}
#st-trouble p{margin:0;flex:1 1 14rem;color:inherit}
#st-trouble button{font:inherit;font-weight:600;min-height:44px;padding:0 .9rem;border:1.5px solid #5c2700;
 border-radius:.5rem;background:none;color:inherit;cursor:pointer}
#st-trouble button:focus-visible{outline:3px solid #005a8c;outline-offset:2px}
"""
"""What concerns more than one screen: gradio puts its own selectors before those of `CSS`."""


def _troubles() -> str:
    """What the page says by itself when the server does not answer, in every language."""
    told = {lang: catalogue(lang)["trouble"] for lang in languages()}
    return json.dumps(told).replace("<", "\\u003c")


HEAD = (
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f"<style>{GLOBAL}</style>"
    f"<script>window.speechtutorWords={_troubles()}</script>"
    f"<script>{Path(__file__).with_name('page.js').read_text(encoding='utf-8')}</script>"
)
FONTS = [
    "system-ui",
    "Noto Sans CJK SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "sans-serif",
]
CSS = (
    score_view.CSS
    + talk_view.CSS
    + GRAMMAR_CSS
    + practice.CSS
    + progress.CSS
    + homework.CSS
    + melody.CSS
    + sound.CSS
    + sentences.CSS
    + mouth.CSS
    + recorder.CSS
    + """
#language [data-testid=block-info]{word-break:keep-all}
h1.st-title{margin:0;font-size:1.5rem;display:inline}
.st-tagline{margin:0}
.st-task{border-left:5px solid #0072b2;padding:.5rem .8rem;margin:.2rem 0}
.st-wait{min-height:1.5em;font-weight:600}
.st-fine{border-left:5px solid #009e73;background:#e0f3ec;color:#00382a!important;padding:.4rem .8rem}
#text textarea{font-size:1.15rem}
#message{min-height:1.6rem}
.block:has(>.html-container>.prose:empty):not(#message){display:none}
.gradio-container .column{gap:.8rem}
.gradio-container .block:has(>.html-container){padding:0!important}
button.secondary{border:1.5px solid #71717a!important}
#mic-upload,#talk-mic-upload{align-self:flex-start;width:auto;min-height:44px}
button.sm,button.md,button.lg{min-height:44px}
button:focus-visible,input:focus-visible,textarea:focus-visible{outline:3px solid #e69f00!important;
 outline-offset:2px}
[role=tab]{min-height:44px;padding:0 .7rem!important}
@media(max-width:480px){[role=tab]{padding:0 .4rem!important}}
[role=tab].selected{font-weight:700;text-decoration:underline;text-underline-offset:.4rem}
.gradio-container .html-container,.gradio-container .tabitem{
 padding-left:0!important;padding-right:0!important}
figure{margin:.4rem 0}
.st-words>button,.st-play>button,.st-choices>button{margin:0!important}
"""
)


def theme() -> gr.themes.Base:
    """Soft, with system fonts and with grey words and lines that are dark enough (AA) in both modes."""
    made = gr.themes.Soft(font=FONTS, font_mono=["ui-monospace", "monospace"])
    return made.set(
        body_text_color_subdued="#3f3f46",
        body_text_color_subdued_dark="#d4d4d8",
        block_label_text_color="#27272a",
        block_label_text_color_dark="#e4e4e7",
        block_title_text_color="#27272a",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_padding="0",
        block_shadow="none",
        block_title_text_color_dark="#e4e4e7",
        block_info_text_color="#3f3f46",
        block_info_text_color_dark="#d4d4d8",
        button_primary_background_fill="#005a8c",
        button_primary_background_fill_hover="#00476f",
        button_primary_background_fill_dark="#005a8c",
        button_primary_background_fill_hover_dark="#00476f",
        button_primary_text_color="#ffffff",
        button_secondary_text_color="#18181b",
        button_secondary_text_color_dark="#fafafa",
        button_secondary_background_fill_hover_dark="#374151",
        button_cancel_background_fill="#a33c00",
        button_cancel_background_fill_dark="#a33c00",
        button_cancel_text_color="#ffffff",
        button_cancel_text_color_dark="#ffffff",
        color_accent="#005a8c",
        checkbox_label_background_fill_selected="#005a8c",
        checkbox_label_background_fill_selected_dark="#005a8c",
        checkbox_background_color_selected="#005a8c",
        checkbox_background_color_selected_dark="#005a8c",
        checkbox_border_color="#71717a",
        checkbox_border_color_dark="#a1a1aa",
        input_border_width="1px",
        input_border_color="#71717a",
        input_border_color_dark="#a1a1aa",
    )


def launch(page: gr.Blocks, examples: Path, css: str = "", head: str = "", **options: Any) -> Any:
    """Start a page as the app wants it: our styles, system fonts, nothing from other hosts.

    `css` and `head` are added to those of all pages.
    """
    serving.close(page)
    fixed: dict[str, Any] = {
        "footer_links": [],
        "ssr_mode": False,
        "quiet": True,
        **serving.options("127.0.0.1"),
        **options,
    }
    return page.launch(css=CSS + css, head=HEAD + head, theme=theme(), allowed_paths=[str(examples)], **fixed)
