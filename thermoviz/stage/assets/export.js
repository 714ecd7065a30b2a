// The corner of the stage: picture, film, file, help. What they make is in capture.js.

import { createFilm, download, fileName, filmType, picture, standalonePage } from "./capture.js";
import { h, setSymbol, symbolButton } from "./dom.js";

/** @import * as sent from "../message" */
/** @import { Film } from "./capture.js" */
/** @import { Caption } from "./overlay.js" */
/** @import { StageView } from "./view.js" */
/** @import { Words } from "./words.js" */
/**
 * The stage as it leaves. program: the stage's own source, where it can be had.
 * @typedef {object} Captured
 * @property {StageView} view
 * @property {() => Caption} caption
 * @property {() => sent.Message} payload
 * @property {() => Promise<string>} [program]
 * @property {() => void} help
 * @property {(text: string, milliseconds?: number) => void} say
 * @property {(film: Film | null) => void} filming
 */

const reason = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));

/** @param {Words} _ @param {Captured} stage */
export function createCaptureMenu(_, stage) {
  /** @type {Film | null} */
  let film = null;
  /** @param {string} ending */
  const name = (ending) => fileName(stage.payload().title, ending);

  /** @param {number} times */
  async function shoot(times) {
    menu.hidden = true;
    const { width, height } = stage.view.size;
    try {
      const blob = await picture({ width, height, times, look: stage.payload().look, caption: stage.caption(),
        shoot: stage.view.shoot });
      download(blob, name("png"));
    } catch (error) {
      stage.say(_("The picture could not be made: {why}", { why: reason(error) }), 6000);
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

  /** @param {() => Promise<string>} program */
  async function saveFile(program) {
    try {
      const page = standalonePage(await program(), stage.payload());
      download(new Blob([page], { type: "text/html" }), name("html"));
    } catch (error) {
      stage.say(_("The file could not be made: {why}", { why: reason(error) }), 6000);
    }
  }

  const button = symbolButton("film", _("Film"), toggleFilm);
  const menu = h("div", { class: "menu", hidden: true },
    h("button", { type: "button", onclick: () => shoot(2) }, _("picture, 2\u00d7")),
    h("button", { type: "button", onclick: () => shoot(4) }, _("picture, 4\u00d7")));
  const { program } = stage;
  const element = h("div", { class: "corner" },
    symbolButton("picture", _("Picture"), () => { menu.hidden = !menu.hidden; }),
    filmType() && button,
    program ? symbolButton("file", _("One file that runs by itself (HTML)"), () => saveFile(program)) : null,
    h("button", { type: "button", class: "symbol", "data-help": true, title: _("What is this? And the keys (?)"),
      "aria-label": _("What is this? And the keys (?)"), onclick: stage.help }, "?"));
  return { element, menu };
}
