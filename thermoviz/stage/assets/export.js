// The corner of the stage: picture, film, file, help. What they make is in capture.js.

import { createFilm, download, fileName, filmType, picture, standalonePage } from "./capture.js";
import { h, setSymbol, symbolButton } from "./dom.js";

/** stage: {view, caption(), payload(), program() | undefined, help(), say(text, ms), filming(film | null)}. */
export function createCaptureMenu(_, stage) {
  let film = null;
  const name = (ending) => fileName(stage.payload().title, ending);

  async function shoot(times) {
    menu.hidden = true;
    const { width, height } = stage.view.size;
    try {
      const blob = await picture({ width, height, times, look: stage.payload().look, caption: stage.caption(),
        shoot: (...place) => stage.view.shoot(...place) });
      download(blob, name("png"));
    } catch (error) {
      stage.say(_("The picture could not be made: {why}", { why: error.message }), 6000);
    }
  }

  async function toggleFilm() {
    menu.hidden = true;
    if (film) {
      const { blob, ending } = await film.stop();
      film = null;
      stage.filming(null);
      button.classList.remove("recording");
      setSymbol(button, "film", _("Film"));
      stage.say("");
      download(blob, name(ending));
      return;
    }
    const { width, height } = stage.view.size;
    film = createFilm({ width, height, look: stage.payload().look, caption: stage.caption });
    stage.filming(film);
    button.classList.add("recording");
    setSymbol(button, "stop", _("Stop and save the film"));
    stage.say(_("Filming. Press the button again to save."));
  }

  async function saveFile() {
    try {
      const page = standalonePage(await stage.program(), stage.payload());
      download(new Blob([page], { type: "text/html" }), name("html"));
    } catch (error) {
      stage.say(_("The file could not be made: {why}", { why: error.message }), 6000);
    }
  }

  const button = filmType() ? symbolButton("film", _("Film"), toggleFilm) : null;
  const menu = h("div", { class: "menu", hidden: true },
    h("button", { type: "button", onclick: () => shoot(2) }, _("picture, 2\u00d7")),
    h("button", { type: "button", onclick: () => shoot(4) }, _("picture, 4\u00d7")));
  const element = h("div", { class: "corner" },
    symbolButton("picture", _("Picture"), () => { menu.hidden = !menu.hidden; }), button,
    stage.program ? symbolButton("file", _("One file that runs by itself (HTML)"), saveFile) : null,
    h("button", { type: "button", class: "symbol", "data-help": true, title: _("What is this? And the keys (?)"),
      "aria-label": _("What is this? And the keys (?)"), onclick: stage.help }, "?"));
  return { element, menu };
}
