"""A page that shows widgets as a notebook does, without one: models in the browser, the same module, the same calls."""

import base64

from browsing import PATIENCE_S

import thermoviz as tv

PAGE = """<!doctype html><html><head><meta charset="utf-8"><link rel="icon" href="data:,"><title>widgets</title></head>
<body style="margin: 0; background: #fff; color: #111"></body></html>"""

# Remembers every WebGL context of the page, and how many were alive at once.
COUNT = """
    window.contexts = [];
    window.most = 0;
    const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        const context = get.call(this, kind, ...more);
        if (kind === "webgl2" && context && !window.contexts.includes(context)) window.contexts.push(context);
        window.most = Math.max(window.most, window.alive());
        return context;
    };
    window.alive = () => window.contexts.filter((one) => !one.isContextLost()).length;
    const watch = () => { window.most = Math.max(window.most, window.alive()); requestAnimationFrame(watch); };
    requestAnimationFrame(watch);
"""

HOST = """
    window.models = [];
    window.load = async (text) =>
        (await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })))).default.render;
    window.addWidget = async ({ traits, bytes, style }) => {
        const state = { ...traits }, heard = new Map();
        for (const [name, text] of Object.entries(bytes)) {
            state[name] = new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
        }
        const model = {
            saved: [], get: (name) => state[name], changed: {},
            save_changes() { model.saved.push(model.changed); model.changed = {}; },
            set(name, value) { model.changed[name] = value; model.put(name, value); },
            put(name, value) {
                if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
                state[name] = value;
                for (const call of heard.get(`change:${name}`) ?? []) call();
            },
            on(event, call) { heard.set(event, [...heard.get(event) ?? [], call]); },
            off(event, call) { heard.set(event, (heard.get(event) ?? []).filter((one) => one !== call)); },
            listeners: () => [...heard.values()].flat().length,
        };
        const el = document.createElement("div");
        el.style.cssText = style;
        document.body.append(el);
        model.el = el;
        model.stage = () => el.querySelector(".thermoviz")?.shadowRoot.querySelector(".tv")?.thermoviz;
        window.models.push(model);
        model.end = await (await window.load(traits._esm))({ model, el });
    };
"""


# Whether the relief of a stage, awake or asleep, is drawn: in one colour, or in those of a ground, it is not.
DRAWN = """(host) => {
    const frame = host.shadowRoot?.querySelector(".tv:not(.waiting)"), view = frame?.thermoviz?.view;
    if (!view?.size.width) return false;
    const still = view.element.querySelector(".still"), canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (still.hidden) {
        if (view.lost) return false;
        view.redraw();
        view.draw(0);
    }
    context.drawImage(still.hidden ? view.canvas : still, 0, 0, 64, 64);
    return new Set(new Uint32Array(context.getImageData(0, 0, 64, 64).data.buffer)).size > 500;
}"""


def wait_for_picture(page, host):
    """Waits until the widget in this element shows its relief."""
    page.wait_for_function(DRAWN, arg=host.element_handle(), timeout=1000 * PATIENCE_S)


def traits_of(widget):
    """What the browser is sent of a widget."""
    state = widget.get_state()
    return {"traits": {name: value for name, value in state.items() if not isinstance(value, (bytes, memoryview))},
            "bytes": {name: base64.b64encode(value).decode() for name, value in state.items()
                      if isinstance(value, (bytes, memoryview))}}


def opened(new_page, tmp_path, widgets, style="margin: 12px", width=1200, height=900, **settings):
    """A page with these widgets, one below the other."""
    path = tmp_path / "host.html"
    path.write_text(PAGE, encoding="utf-8")
    page = new_page(width, height, **settings)
    page.add_init_script(COUNT)
    page.goto(path.as_uri())
    page.evaluate(f"() => {{ {HOST} }}")
    for widget in widgets:
        page.evaluate("(widget) => window.addWidget(widget)", {**traits_of(widget), "style": style})
    return page


def lost_run():
    """A run of which every network diverged."""
    from computed_runs import computed

    return computed(tv.Descent("linear_regression", tv.MLP(()), tv.SGD(5.0), replicas=4, steps=3000, batch_size=None,
                               weight_decay=0))
