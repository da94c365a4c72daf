"""What stands where on the page, and which work hangs on it. Gradio draws it, and serves it behind `guard.Guard`."""

import os
import socket
import threading
import time
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from ..inference.colorizer import STRONGEST
from .guard import Guard
from .messages import Messages
from .page import AT_ONCE, KEPT, LARGEST, SHOWN, SMALLEST, STEP, WAITING

FIRST = 7860  # the port that is tried first
HERE = Path(__file__).parent
TEXT = """# Color for black-and-white photos

Drop some below. They are colored on the computer that runs this page: nothing is sent anywhere else, and what
you drop is deleted about an hour after you leave. At most {one} a file and {all} at a time, {pixels} megapixels a
photo. The colors are a model's guess."""


def megabytes(count):
    """Bytes as a person reads them."""
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:g} MB"


def build(page):
    """The page as `gradio.Blocks`."""
    with gr.Blocks(title="Color for black-and-white photos", analytics_enabled=False, delete_cache=(600, KEPT)) as demo:
        parts = _layout(page)
        _wire(page, parts)
    return demo


def _layout(page):
    """All components, by name."""
    p = {"key": gr.State(None, delete_callback=page.forget)}
    gr.Markdown(
        TEXT.format(one=megabytes(page.most), all=megabytes(page.most_at_once), pixels=f"{page.max_pixels / 1e6:,g}"),
        elem_id="head",
    )
    p["drop"] = gr.File(file_count="multiple", show_label=False, elem_id="drop", height=132)
    gr.HTML('<ul class="lines" id="too-large"></ul>', padding=False)
    p["lines"] = gr.HTML(padding=False, elem_id="lines")
    p["status"] = gr.HTML(padding=False, elem_id="status", visible=False)
    with gr.Column(visible=bool(page.samples)) as p["tries"]:
        gr.Markdown("No photo at hand? Try one of these:", elem_id="samples-title")
        p["samples"] = gr.Gallery(
            [str(path) for path in page.samples], columns=6, height="auto", object_fit="cover", show_label=False,
            allow_preview=False, buttons=[], interactive=False, elem_id="samples", container=False,
        )  # fmt: skip
    with gr.Column(visible=False) as p["results"]:
        _result_layout(page, p)
    return p


def _result_layout(page, p):
    p["strip"] = gr.Gallery(
        columns=8, height="auto", object_fit="cover", show_label=False, allow_preview=False, buttons=[],
        interactive=False, elem_id="strip", container=False, visible=False,
    )  # fmt: skip
    with gr.Tabs():
        with gr.Tab("Compare"):
            p["compare"] = gr.ImageSlider(
                show_label=False, interactive=False, elem_id="compare", buttons=["fullscreen"], max_height=640
            )
        with gr.Tab("Give a color", render_children=True) as p["tab"]:
            gr.Markdown("Choose a color and click where it belongs. The lightness stays the photo's.")
            with gr.Row(elem_id="tools", equal_height=True):
                p["color"] = gr.ColorPicker("#4f7fbf", show_label=False, label="Color", container=False, min_width=40)
                p["undo"] = gr.Button("Undo", min_width=80, elem_id="undo")
                p["none"] = gr.Button("Remove all", min_width=80)
            p["canvas"] = gr.Image(show_label=False, interactive=False, elem_id="canvas", buttons=[])
    with gr.Row():
        p["strength"] = gr.Slider(
            0, STRONGEST, 1, step=0.05, label="Saturation", info="0 is grey, 1 the model's own",
            min_width=280,
        )  # fmt: skip
        p["size"] = gr.Slider(
            SMALLEST, LARGEST, page.colorizer.size, step=STEP, label="Working size",
            info="Short side, in pixels, of the copy the model looks at", min_width=280,
        )  # fmt: skip
    p["files"] = gr.File(
        label="Download at full size", file_count="multiple", interactive=False, height=340, elem_id="files"
    )
    with gr.Row():
        p["zip"] = gr.Button("Download all as one .zip", variant="primary", min_width=280, elem_id="zip")
        p["clear"] = gr.Button("Remove all photos from this page", min_width=280, elem_id="clear")
    p["packed"] = gr.DownloadButton("zip", elem_id="packed", elem_classes="kept-apart")


def _wire(page, p):
    shown = [p[name] for name in SHOWN]
    settings, line = [p["strength"], p["size"]], {"concurrency_id": "color", "concurrency_limit": WAITING}

    def on(event, work, *inputs, **more):
        event(work, [p["key"], *inputs], shown, show_progress="hidden", **more)

    on(p["drop"].upload, page.add, p["drop"], *settings, **line)
    on(p["samples"].select, page.add_sample, *settings, **line)
    for slider in settings:
        on(slider.release, page.again, *settings, trigger_mode="always_last", **line)
    on(p["canvas"].select, page.hint, p["color"], *settings, trigger_mode="multiple", **line)
    on(p["undo"].click, page.undo, *settings, **line)
    on(p["none"].click, page.no_hints, *settings, **line)
    on(p["strip"].select, page.look)
    p["tab"].select(page.marked, p["key"], p["canvas"], show_progress="hidden")
    on(p["clear"].click, page.clear)
    packed = p["zip"].click(page.pack, p["key"], p["packed"], show_progress="minimal")
    packed.then(None, js="() => document.querySelector('#packed').click()")


def launch(page, host="127.0.0.1", port=None, hosts=()):
    """Begin to serve the page -> (`uvicorn.Server`, its address). OSError if there is no free port.

    hosts: further names that it may be asked for by, as `guard.Guard` has them. Gradio's own `launch` would put what
    allows other pages to read (CORS) outside of any guard, and asks itself over the network whether it is there.
    """
    gr.set_static_paths([page.folder / "visitors", page.folder / "samples"])  # served from where they are, not copied
    demo = build(page)
    demo.max_threads = WAITING + 40  # those that wait for a turn hold a thread each
    demo.queue(default_concurrency_limit=AT_ONCE, max_size=WAITING)
    place = free_port(host, port)
    closed = {"openapi_url": None, "docs_url": None, "redoc_url": None}
    app = gr.mount_gradio_app(
        FastAPI(**closed),
        demo,
        "/",
        server_name=host,
        server_port=place.getsockname()[1],
        app_kwargs=closed,
        max_file_size=page.most,
        allowed_paths=[],
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        theme=_theme(),
        css_paths=[HERE / "page.css"],
        head=f"<script>{_script(page)}</script>",  # not as `js`, which would run after the first drop can be made
    )
    quiet = {"log_level": "warning", "server_header": False, "timeout_graceful_shutdown": 1}
    guard = Guard(app, page, (host, *hosts), Messages(demo.get_config_file(), page.folder / "uploads"))
    server = uvicorn.Server(uvicorn.Config(guard, **quiet))
    threading.Thread(target=server.run, args=([place],), daemon=True).start()
    while not server.started and not server.should_exit:
        time.sleep(0.01)
    name = f"[{host}]" if ":" in host else {"0.0.0.0": "localhost"}.get(host, host)
    return server, f"http://{name}:{place.getsockname()[1]}/"


def _script(page):
    """page.js with the limits of this page."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    for name, value in {"MOST_OF_ONE": page.most, "MOST_OF_ALL": page.most_at_once}.items():
        script = script.replace(name, str(value))
    return script


def free_port(host, port=None):
    """A socket bound to ``port``, or to the first free one from `FIRST` on. OSError if there is none."""
    for wanted in [port] if port else range(FIRST, FIRST + 100):
        family, kind, protocol, _, address = socket.getaddrinfo(host, wanted, type=socket.SOCK_STREAM)[0]
        place = socket.socket(family, kind, protocol)
        try:
            if os.name != "nt":  # there it would let two servers share a port
                place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind(address)
            place.listen(128)
            return place
        except OSError as error:
            place.close()
            said = error
    raise said


def _theme():
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    return gr.themes.Base(primary_hue="neutral", **fonts).set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_large_text_size="*text_md",
        button_large_text_weight="500",
        link_text_color="*neutral_800",
        link_text_color_dark="*neutral_200",
    )
