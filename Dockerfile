# An image with the released program and nothing else: no shell, no packages.
# docs/operate-install.md says how to run it.
FROM golang:1.26.8 AS build
ARG TARGETOS=linux TARGETARCH=amd64
# The commit and its time, which go into the program and its archive. With those
# of a release, `git log -1 --format='%H %ct'`, the program is the released one.
ARG COMMIT= TIME=0
WORKDIR /source
COPY go.mod go.sum ./
RUN go mod download
COPY README.md CHANGELOG.md LICENSE NOTICE ./
COPY packaging packaging
COPY cmd cmd
COPY internal internal
RUN go run ./packaging/release -platform "$TARGETOS/$TARGETARCH" -commit "$COMMIT" -time "$TIME" -out /release \
    && mkdir -p /image /empty \
    && tar -xzf /release/*.tar.gz -C /image --strip-components=1

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/LICENSE /image/NOTICE /usr/share/doc/gatehouse/
COPY --from=build /image/licenses /usr/share/doc/gatehouse/licenses
COPY --from=build /image/gatehouse /usr/bin/gatehouse
# /data belongs to the server, and is all that it writes to.
COPY --from=build --chown=65532:65532 /empty /data
ENV PATH=/usr/bin GATEHOUSE_DATABASE=sqlite:/data/gatehouse.db
USER 65532:65532
WORKDIR /data
VOLUME /data
# 8400 is for applications and browsers. 8401 is for probes and metrics, and is
# on the container's loopback unless GATEHOUSE_ADMIN_LISTEN says otherwise.
EXPOSE 8400 8401
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["gatehouse", "healthcheck"]
ENTRYPOINT ["gatehouse"]
CMD ["serve"]
