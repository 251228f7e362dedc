graph [
  Network "Valley"
  node [ id 0 label "None" Latitude 10.0 Longitude 20.0 ]
  node [ id 1 label "None" Latitude 10.0 Longitude 21.0 ]
  node [ id 2 label "Source" ]
  edge [ source 0 target 1 LinkSpeedRaw 155000000.0 ]
  edge [ source 0 target 1 LinkSpeedRaw 622000000.0 ]
  edge [ source 1 target 2 ]
]
