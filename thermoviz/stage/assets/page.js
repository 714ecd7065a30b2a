// The page around a stage that runs by itself. Python (html.py) fills the same page.

/** Parts the program from the line that starts it, which differs between Streamlit and the page below. */
export const ENTRY = "\n//# entry\n";

export const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>@TITLE@</title><link rel="icon" href="data:,">
<style>html, body { margin: 0; background: @BACKGROUND@; }</style></head><body>
<script type="application/json" id="thermoviz-payload">@PAYLOAD@</script>
<script id="thermoviz-program">@PROGRAM@</script>
</body></html>
`;
