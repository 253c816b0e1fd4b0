/* A viewer of libvncclient: dump HOST::PORT ENCODING FILE. After every update FILE is replaced by its framebuffer,
 * 32 bits per pixel, little endian 0x00RRGGBB. Ends with the connection. */
#include <rfb/rfbclient.h>
#include <stdio.h>
#include <stdlib.h>

static const char *path;

static void finished(rfbClient *client)
{
    char fresh[4096];
    size_t count = (size_t)client->width * client->height;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "wb");
    if (!file || fwrite(client->frameBuffer, 4, count, file) != count || fclose(file) || rename(fresh, path))
        exit(3);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    rfbClient *client = rfbGetClient(8, 3, 4);
    client->appData.encodingsString = argv[2];
    client->appData.enableJPEG = FALSE;
    client->appData.useRemoteCursor = TRUE;
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    client->FinishedFrameBufferUpdate = finished;
    path = argv[3];
    int count = 2;
    if (!rfbInitClient(client, &count, (char *[]){argv[0], argv[1], NULL}))
        return 1;
    while (WaitForMessage(client, 1000000) >= 0)
        if (client->buffered || WaitForMessage(client, 0) > 0)
            if (!HandleRFBServerMessage(client))
                break;
    return 0;
}
