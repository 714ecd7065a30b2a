"""The drawing kit: Run -> Plotly figures. Still pictures and charts; what moves is the stage's. No calculation, no
widgets."""
